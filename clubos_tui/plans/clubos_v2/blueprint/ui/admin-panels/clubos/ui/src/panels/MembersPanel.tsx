import { useState, type FormEvent } from "react";
import { MEMBER_STATUSES, ROLES, type Member, type Role } from "../../../src/domain/model.js";
import { useAction, useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, Field, Status } from "../components/controls.js";

const NOBODY = { email: "", fullName: "", phone: "", role: "member" as Role };

export function MembersPanel() {
  const { api, member: me } = useSession();
  const [search, setSearch] = useState("");
  const [draft, setDraft] = useState(NOBODY);
  const { data, notice, reload } = useLoad(search, () => api.members(search));
  const action = useAction();

  const mayAppoint = me.role === "admin";
  const mayChange = (member: Member) => member.id !== me.id && (mayAppoint || member.role === "member");

  function change(member: Member, update: Parameters<typeof api.updateMember>[1]) {
    void action.run(async () => {
      await api.updateMember(member.id, update);
      reload();
      return `${member.fullName} was updated.`;
    });
  }

  async function create(event: FormEvent) {
    event.preventDefault();
    const created = await action.run(async () => {
      const { fullName } = await api.createMember({ ...draft, phone: draft.phone || null });
      return `${fullName} was added.`;
    });
    if (created) {
      setDraft(NOBODY);
      reload();
    }
  }

  return (
    <section aria-labelledby="members-title">
      <h2 id="members-title">Members</h2>
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label="Search by name or e-mail" type="search" value={search} onChange={setSearch} />
      </form>
      <Status notice={action.notice ?? notice} />
      <DataTable
        caption="People"
        columns={["Name", "E-mail", "Phone", "Role", "Status", "Can sign in"]}
        rows={data}
        rowKey={(member) => member.id}
        cells={(member) => [
          member.fullName,
          member.email,
          member.phone ?? "",
          <Choice
            compact
            label={`Role of ${member.fullName}`}
            value={member.role}
            choices={ROLES}
            disabled={!mayAppoint || !mayChange(member)}
            onChange={(role) => change(member, { role })}
          />,
          <Choice
            compact
            label={`Status of ${member.fullName}`}
            value={member.status}
            choices={MEMBER_STATUSES}
            disabled={!mayChange(member)}
            onChange={(status) => change(member, { status })}
          />,
          member.canSignIn ? "yes" : "no",
        ]}
      />
      <form onSubmit={(event) => void create(event)} aria-label="Add a person">
        <Field
          label="Full name"
          value={draft.fullName}
          onChange={(fullName) => setDraft({ ...draft, fullName })}
          required
        />
        <Field
          label="E-mail"
          type="email"
          value={draft.email}
          onChange={(email) => setDraft({ ...draft, email })}
          required
        />
        <Field label="Phone (optional)" value={draft.phone} onChange={(phone) => setDraft({ ...draft, phone })} />
        <Choice
          label="Role"
          value={draft.role}
          choices={mayAppoint ? ROLES : (["member"] as const)}
          onChange={(role) => setDraft({ ...draft, role })}
        />
        <button disabled={action.busy}>Add</button>
      </form>
    </section>
  );
}
