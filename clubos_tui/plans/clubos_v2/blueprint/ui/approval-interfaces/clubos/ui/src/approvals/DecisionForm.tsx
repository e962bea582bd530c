import { useState, type FormEvent } from "react";
import type { Decision } from "../../../src/domain/model.js";
import { TextField } from "../components/controls.js";

interface DecisionFormProps {
  /** A stale proposal can only be rejected. */
  stale: boolean;
  busy: boolean;
  onDecide: (decision: Decision, reason: string) => void;
}

/** No decision without a reason: it is what the audit log will say. */
export function DecisionForm({ stale, busy, onDecide }: DecisionFormProps) {
  const [reason, setReason] = useState("");
  const ready = reason.trim() !== "" && !busy;

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const { submitter } = event.nativeEvent as SubmitEvent;
    // Enter in a text field chooses no button: then nothing is decided.
    if (!(submitter instanceof HTMLButtonElement)) return;
    onDecide(submitter.value === "approved" ? "approved" : "rejected", reason.trim());
  }

  return (
    <form onSubmit={submit} aria-label="Decision">
      <TextField label="Reason for your decision" value={reason} onChange={setReason} rows={2} />
      <button value="approved" disabled={!ready || stale}>
        Approve and apply
      </button>
      <button value="rejected" disabled={!ready}>
        Reject
      </button>
    </form>
  );
}
