import { useState } from "react";
import type { AuditEntry } from "../../../src/domain/model.js";
import { useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, formatTime, Status } from "../components/controls.js";

const ENTITIES = ["", "member", "bay", "booking", "conversation", "proposal"] as const;

function who({ actorKind, actorName }: AuditEntry): string {
  if (actorKind === "person") return actorName ?? "a person";
  return actorName ? `${actorKind}, asked by ${actorName}` : actorKind;
}

export function AuditPanel() {
  const { api } = useSession();
  const [entity, setEntity] = useState<(typeof ENTITIES)[number]>("");
  const [before, setBefore] = useState<number | null>(null);
  const { data, notice } = useLoad(`${entity} ${before}`, () => api.audit(entity, before));
  const oldest = data?.at(-1);

  return (
    <section aria-labelledby="audit-title">
      <h2 id="audit-title">Audit log</h2>
      <form onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="About"
          value={entity}
          choices={ENTITIES}
          onChange={(value) => {
            setEntity(value);
            setBefore(null);
          }}
        />
        <button type="button" disabled={before === null} onClick={() => setBefore(null)}>
          Newest
        </button>
        <button type="button" disabled={!oldest} onClick={() => setBefore(oldest?.id ?? null)}>
          Older
        </button>
      </form>
      <Status notice={notice} />
      <DataTable
        caption="Decisions and changes, newest first"
        columns={["Time", "Who", "What", "Which", "Detail"]}
        rows={data}
        rowKey={(entry) => entry.id}
        cells={(entry) => [
          formatTime(entry.at),
          who(entry),
          entry.action,
          `${entry.entity} ${entry.entityId}`,
          <code className="text">{JSON.stringify(entry.detail)}</code>,
        ]}
      />
    </section>
  );
}
