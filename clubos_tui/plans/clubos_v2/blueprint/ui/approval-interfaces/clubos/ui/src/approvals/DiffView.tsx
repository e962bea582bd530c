export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
}

/** Lines of both texts in order, by their longest common subsequence. */
export function diffLines(before: string, after: string): DiffLine[] {
  const left = before === "" ? [] : before.split("\n");
  const right = after === "" ? [] : after.split("\n");
  // lengths[i][j]: how many lines the rests of both texts, from i and from j on, have in common.
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  const common = (i: number, j: number) => lengths[i]?.[j] ?? 0;
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const row = lengths[i];
    if (!row) continue;
    for (let j = right.length - 1; j >= 0; j -= 1) {
      row[j] = left[i] === right[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const old = left[i];
    const next = right[j];
    if (old !== undefined && old === next) {
      lines.push({ kind: "same", text: old });
      i += 1;
      j += 1;
    } else if (old !== undefined && (next === undefined || common(i + 1, j) >= common(i, j + 1))) {
      lines.push({ kind: "removed", text: old });
      i += 1;
    } else {
      lines.push({ kind: "added", text: next ?? "" });
      j += 1;
    }
  }
  return lines;
}

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `<U+${hex.padStart(4, "0")}>`;
}

/** Shows what would otherwise hide from a reviewer: control characters, text direction marks, blanks at line ends. */
export function visible(text: string): string {
  return text
    .replace(/[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/gu, codePoint)
    .replace(/[^\S\n]+$/gmu, (blanks) => "\u00b7".repeat(blanks.length));
}

const SIGN = { same: " ", added: "+", removed: "-" } as const;
const ELEMENT = { same: "span", added: "ins", removed: "del" } as const;

function count(lines: readonly DiffLine[], kind: DiffLine["kind"]): number {
  return lines.filter((line) => line.kind === kind).length;
}

interface DiffViewProps {
  label: string;
  before: string;
  after: string;
}

export function DiffView({ label, before, after }: DiffViewProps) {
  const lines = diffLines(before, after);
  return (
    <figure>
      <figcaption>
        {label}: {count(lines, "added")} added, {count(lines, "removed")} removed, {count(lines, "same")} unchanged
      </figcaption>
      <ol className="diff">
        {lines.map(({ kind, text }, index) => {
          const Element = ELEMENT[kind];
          return (
            <li key={index}>
              <Element>{`${SIGN[kind]} ${visible(text)}`}</Element>
            </li>
          );
        })}
      </ol>
    </figure>
  );
}
