import { StrictMode, useCallback, useEffect, useMemo, useState, type ComponentType } from "react";
import { createRoot } from "react-dom/client";
import type { Member, Role } from "../../src/domain/model.js";
import { createApi } from "./api/client.js";
import { SessionContext } from "./api/hooks.js";
import { ApprovalsPanel } from "./approvals/ApprovalsPanel.js";
import { SignIn } from "./components/SignIn.js";
import { AuditPanel } from "./panels/AuditPanel.js";
import { BookingsPanel } from "./panels/BookingsPanel.js";
import { ConversationsPanel } from "./panels/ConversationsPanel.js";
import { KnowledgePanel } from "./panels/KnowledgePanel.js";
import { MembersPanel } from "./panels/MembersPanel.js";

interface Panel {
  id: string;
  title: string;
  roles: readonly Role[];
  Component: ComponentType;
}

const PANELS: readonly Panel[] = [
  { id: "bookings", title: "Bookings", roles: ["member", "staff", "admin"], Component: BookingsPanel },
  { id: "conversations", title: "Conversations", roles: ["member", "staff", "admin"], Component: ConversationsPanel },
  { id: "members", title: "Members", roles: ["staff", "admin"], Component: MembersPanel },
  { id: "knowledge", title: "Knowledge", roles: ["staff", "admin"], Component: KnowledgePanel },
  { id: "approvals", title: "Approvals", roles: ["staff", "admin"], Component: ApprovalsPanel },
  { id: "audit", title: "Audit log", roles: ["admin"], Component: AuditPanel },
];

const TOKEN = "clubos.session";

function useHash(): string {
  const [hash, setHash] = useState(() => location.hash.slice(1));
  useEffect(() => {
    const update = () => setHash(location.hash.slice(1));
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return hash;
}

interface ShellProps {
  token: string;
  onSignOut: () => void;
}

function Shell({ token, onSignOut }: ShellProps) {
  const api = useMemo(() => createApi(token, onSignOut), [token, onSignOut]);
  const [member, setMember] = useState<Member | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const hash = useHash();

  useEffect(() => {
    api.me().then(setMember, (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
  }, [api]);

  if (!member) return <p role="status">{problem ?? "Loading."}</p>;
  const panels = PANELS.filter(({ roles }) => roles.includes(member.role));
  const current = panels.find(({ id }) => id === hash) ?? panels[0];

  return (
    <SessionContext value={{ api, member }}>
      <header>
        <h1>ClubOS</h1>
        <p>
          {member.fullName}, {member.role}{" "}
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </p>
        <nav aria-label="Panels">
          <ul>
            {panels.map(({ id, title }) => (
              <li key={id}>
                <a href={`#${id}`} aria-current={id === current?.id ? "page" : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main>{current && <current.Component key={current.id} />}</main>
    </SessionContext>
  );
}

function App() {
  const [token, setToken] = useState(() => sessionStorage.getItem(TOKEN));

  const signOut = useCallback(() => {
    sessionStorage.removeItem(TOKEN);
    setToken(null);
  }, []);

  if (token) return <Shell key={token} token={token} onSignOut={signOut} />;
  return (
    <SignIn
      onSignedIn={(session) => {
        sessionStorage.setItem(TOKEN, session.token);
        setToken(session.token);
      }}
    />
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
