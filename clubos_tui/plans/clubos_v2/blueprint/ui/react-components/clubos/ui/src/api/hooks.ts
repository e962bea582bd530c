import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";
import type { Member } from "../../../src/domain/model.js";
import type { Api } from "./client.js";

export interface Session {
  api: Api;
  member: Member;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("This component needs a signed-in member.");
  return session;
}

export interface Notice {
  kind: "info" | "error";
  text: string;
}

function failure(error: unknown): Notice {
  return { kind: "error", text: error instanceof Error ? error.message : "Something went wrong." };
}

export interface Loaded<T> {
  data: T | null;
  notice: Notice | null;
  reload: () => void;
}

/** Loads once for each `key`, and again on `reload`; an answer that comes too late is dropped. */
export function useLoad<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; notice: Notice | null }>({
    key,
    data: null,
    notice: null,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    let current = true;
    latest.current().then(
      (data) => current && setState({ key, data, notice: null }),
      (error: unknown) => current && setState({ key, data: null, notice: failure(error) }),
    );
    return () => {
      current = false;
    };
  }, [key, round]);

  const reload = useCallback(() => setRound((value) => value + 1), []);
  // What belongs to another key is never shown under this one.
  return state.key === key ? { data: state.data, notice: state.notice, reload } : { data: null, notice: null, reload };
}

export interface Action {
  busy: boolean;
  notice: Notice | null;
  /** Does the work, then announces the text it returns, or what went wrong. True if it went well. */
  run: (work: () => Promise<string>) => Promise<boolean>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [notice, setNotice] = useState<Notice | null>(null);
  const run = useCallback(async (work: () => Promise<string>) => {
    setBusy(true);
    setNotice(null);
    try {
      setNotice({ kind: "info", text: await work() });
      return true;
    } catch (error) {
      setNotice(failure(error));
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { busy, notice, run };
}
