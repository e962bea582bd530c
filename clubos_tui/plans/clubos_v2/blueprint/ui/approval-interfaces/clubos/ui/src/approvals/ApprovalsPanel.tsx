import { useState } from "react";
import { PROPOSAL_STATUSES, type Decision, type Proposal, type ProposalStatus } from "../../../src/domain/model.js";
import { useAction, useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, formatTime, Status } from "../components/controls.js";
import { DecisionForm } from "./DecisionForm.js";
import { DiffView, visible } from "./DiffView.js";

function origin({ source, model, requestedBy }: Proposal): string {
  return source === "claude" ? `Claude (${model ?? "unknown model"}), asked by ${requestedBy}` : requestedBy;
}

interface ReviewProps {
  proposal: Proposal;
  busy: boolean;
  onDecide: (decision: Decision, reason: string) => void;
}

function Review({ proposal, busy, onDecide }: ReviewProps) {
  const { member } = useSession();
  const { base, status, stale } = proposal;
  return (
    <article className="box" aria-label={`Proposal for ${proposal.slug}`}>
      <h3>{proposal.kind === "create" ? `New article: ${proposal.slug}` : `Change of ${proposal.slug}`}</h3>
      <p>
        From {origin(proposal)}, for the {proposal.assistant.replace("_", " ")} assistant
        {proposal.baseVersion !== null && `, against version ${proposal.baseVersion}`}.
      </p>
      <p className="text">{visible(proposal.rationale)}</p>
      <DiffView label="Title" before={base?.title ?? ""} after={proposal.title} />
      <DiffView label="Text" before={base?.body ?? ""} after={proposal.body} />
      {stale && <p role="alert">The article has changed since this was proposed: it can only be rejected.</p>}
      {status !== "pending" && (
        <p>
          {status} by {proposal.decidedBy}: {proposal.decisionReason}
        </p>
      )}
      {status === "pending" && member.role === "admin" && (
        <DecisionForm stale={stale} busy={busy} onDecide={onDecide} />
      )}
      {status === "pending" && member.role !== "admin" && <p>An administrator decides about this proposal.</p>}
    </article>
  );
}

export function ApprovalsPanel() {
  const { api } = useSession();
  const [status, setStatus] = useState<ProposalStatus>("pending");
  const [selected, setSelected] = useState<string | null>(null);
  const { data, notice, reload } = useLoad(status, () => api.proposals(status));
  const action = useAction();
  const proposal = data?.find(({ id }) => id === selected);

  async function decide({ id, slug }: Proposal, decision: Decision, reason: string) {
    await action.run(async () => {
      await api.decide(id, decision, reason);
      return `The proposal for ${slug} was ${decision}.`;
    });
    // Also after a failure: it may have been decided or become stale in the meantime.
    reload();
  }

  return (
    <section aria-labelledby="approvals-title">
      <h2 id="approvals-title">Approvals</h2>
      <form onSubmit={(event) => event.preventDefault()}>
        <Choice label="Show" value={status} choices={PROPOSAL_STATUSES} onChange={setStatus} />
      </form>
      <Status notice={action.notice ?? notice} />
      <DataTable
        caption="Proposals, newest first"
        columns={["Article", "Kind", "From", "Since", "State"]}
        rows={data}
        rowKey={({ id }) => id}
        cells={(row) => [
          <button aria-pressed={row.id === selected} onClick={() => setSelected(row.id)}>
            {row.slug}
          </button>,
          row.kind,
          origin(row),
          formatTime(row.createdAt),
          row.stale ? "stale" : row.status,
        ]}
      />
      {proposal && (
        <Review
          key={proposal.id}
          proposal={proposal}
          busy={action.busy}
          onDecide={(decision, reason) => void decide(proposal, decision, reason)}
        />
      )}
    </section>
  );
}
