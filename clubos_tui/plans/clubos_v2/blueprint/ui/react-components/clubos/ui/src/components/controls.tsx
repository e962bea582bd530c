import { useState, type FormEvent, type ReactNode } from "react";
import type { Notice } from "../api/hooks.js";

/** Announced by screen readers as soon as its text changes. */
export function Status({ notice }: { notice: Notice | null }) {
  return (
    <p
      className={`status ${notice?.kind ?? ""}`}
      role={notice?.kind === "error" ? "alert" : "status"}
      aria-live="polite"
    >
      {notice?.text}
    </p>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "email" | "password" | "search" | "date" | "datetime-local";
  required?: boolean;
  autoComplete?: string;
}

export function Field({ label, value, onChange, type = "text", required = false, autoComplete = "off" }: FieldProps) {
  return (
    <label>
      {label}
      <input
        type={type}
        value={value}
        required={required}
        autoComplete={autoComplete}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  rows?: number;
}

export function TextField({ label, value, onChange, rows = 3 }: TextFieldProps) {
  return (
    <label className="wide">
      {label}
      <textarea value={value} rows={rows} required onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: readonly T[];
  onChange: (value: T) => void;
  /** Hides the label where a table's column already shows it; screen readers still read it. */
  compact?: boolean;
  disabled?: boolean;
}

export function Choice<T extends string>({ label, value, choices, onChange, compact, disabled }: ChoiceProps<T>) {
  const select = (
    <select
      aria-label={compact ? label : undefined}
      value={value}
      disabled={disabled}
      onChange={(event) => {
        const chosen = choices.find((choice) => choice === event.target.value);
        if (chosen !== undefined) onChange(chosen);
      }}
    >
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {choice.replaceAll("_", " ") || "any"}
        </option>
      ))}
    </select>
  );
  return compact ? (
    select
  ) : (
    <label>
      {label}
      {select}
    </label>
  );
}

interface DataTableProps<Row> {
  caption: string;
  columns: readonly string[];
  rows: readonly Row[] | null;
  rowKey: (row: Row) => string | number;
  cells: (row: Row) => readonly ReactNode[];
}

export function DataTable<Row>({ caption, columns, rows, rowKey, cells }: DataTableProps<Row>) {
  return (
    <table aria-busy={rows === null}>
      <caption>{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column} scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows?.map((row) => (
          <tr key={rowKey(row)}>
            {cells(row).map((cell, index) => (
              <td key={columns[index] ?? index}>{cell}</td>
            ))}
          </tr>
        ))}
        {rows?.length === 0 && (
          <tr>
            <td colSpan={columns.length}>None.</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

interface ReasonFormProps {
  /** What the button does, such as "Cancel booking". */
  label: string;
  busy: boolean;
  onSubmit: (reason: string) => void;
}

/** A button that first asks why. */
export function ReasonForm({ label, busy, onSubmit }: ReasonFormProps) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  if (!open) {
    return (
      <button type="button" onClick={() => setOpen(true)}>
        {label}
      </button>
    );
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    onSubmit(reason);
  }
  return (
    <form onSubmit={submit}>
      <Field label="Reason" value={reason} onChange={setReason} required />
      <button disabled={busy}>{label}</button>
      <button type="button" onClick={() => setOpen(false)}>
        Keep it
      </button>
    </form>
  );
}

export function formatTime(timestamp: string): string {
  return new Date(timestamp).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
