import { useState, type FormEvent } from "react";
import { signIn, type SignedIn } from "../api/client.js";
import { useAction } from "../api/hooks.js";
import { Field, Status } from "./controls.js";

export function SignIn({ onSignedIn }: { onSignedIn: (session: SignedIn) => void }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { busy, notice, run } = useAction();

  function submit(event: FormEvent) {
    event.preventDefault();
    void run(async () => {
      onSignedIn(await signIn(email, password));
      return "Signed in.";
    });
  }

  return (
    <main>
      <h1>ClubOS</h1>
      <form onSubmit={submit}>
        <Field label="E-mail" type="email" value={email} onChange={setEmail} required autoComplete="username" />
        <Field
          label="Password"
          type="password"
          value={password}
          onChange={setPassword}
          required
          autoComplete="current-password"
        />
        <button disabled={busy}>Sign in</button>
      </form>
      <Status notice={notice} />
    </main>
  );
}
