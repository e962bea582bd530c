import { useState, type FormEvent } from "react";
import { CONVERSATION_STATUSES, type ConversationWithMessages, type Message } from "../../../src/domain/model.js";
import { ApiError, type Api } from "../api/client.js";
import { useAction, useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, Field, formatTime, Status, TextField } from "../components/controls.js";

const FILTERS = ["", ...CONVERSATION_STATUSES] as const;

/** After a member has written, the right assistant answers; "nothing to answer" means staff are already on it. */
async function askAssistant(api: Api, conversation: ConversationWithMessages): Promise<void> {
  try {
    await api.askAssistant(conversation.id);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

function author(message: Message): string {
  return message.assistant
    ? `${message.assistant.replace("_", " ")} assistant`
    : (message.authorName ?? message.author);
}

function Thread({ id, onChanged }: { id: string; onChanged: () => void }) {
  const { api, member } = useSession();
  const { data, notice, reload } = useLoad(id, () => api.conversation(id));
  const [body, setBody] = useState("");
  const action = useAction();
  if (!data) return <Status notice={notice} />;

  const isStaff = member.role !== "member";
  const isOwn = data.memberId === member.id;

  async function perform(work: () => Promise<string>) {
    if (await action.run(work)) setBody("");
    reload();
    onChanged();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void perform(async () => {
      const updated = await api.addMessage(id, body);
      if (isOwn) await askAssistant(api, updated);
      return "Your message was sent.";
    });
  }

  return (
    <article className="box" aria-label={`Conversation: ${data.subject}`}>
      <h3>{data.subject}</h3>
      <p>
        {data.memberName}, {data.status.replace("_", " ")}
        {data.routingScore !== null && `, routed to ${data.assistant ?? "staff"} (score ${data.routingScore})`}
      </p>
      <ol aria-live="polite">
        {data.messages.map((message) => (
          <li key={message.id}>
            <strong>{author(message)}</strong> <time dateTime={message.createdAt}>{formatTime(message.createdAt)}</time>
            <div className="text">{message.body}</div>
          </li>
        ))}
      </ol>
      {data.status !== "closed" && (
        <form onSubmit={submit} aria-label="Answer">
          <TextField label={isOwn ? "Your message" : "Your answer (staff take over)"} value={body} onChange={setBody} />
          <button disabled={action.busy}>Send</button>
        </form>
      )}
      {isStaff && (
        <Choice
          label="Status"
          value={data.status}
          choices={CONVERSATION_STATUSES}
          disabled={action.busy}
          onChange={(status) =>
            void perform(async () => {
              await api.setConversationStatus(id, status);
              return `The conversation is now ${status.replace("_", " ")}.`;
            })
          }
        />
      )}
      <Status notice={action.notice} />
    </article>
  );
}

function NewConversation({ onStarted }: { onStarted: (id: string) => void }) {
  const { api } = useSession();
  const [subject, setSubject] = useState("");
  const [body, setBody] = useState("");
  const action = useAction();

  function submit(event: FormEvent) {
    event.preventDefault();
    void action.run(async () => {
      const conversation = await api.startConversation(subject, body);
      await askAssistant(api, conversation);
      setSubject("");
      setBody("");
      onStarted(conversation.id);
      return "Your question was sent.";
    });
  }

  return (
    <form onSubmit={submit} aria-label="New conversation">
      <Field label="Subject" value={subject} onChange={setSubject} required />
      <TextField label="Your question" value={body} onChange={setBody} />
      <button disabled={action.busy}>Ask</button>
      <Status notice={action.notice} />
    </form>
  );
}

export function ConversationsPanel() {
  const { api } = useSession();
  const [filter, setFilter] = useState<(typeof FILTERS)[number]>("");
  const [selected, setSelected] = useState<string | null>(null);
  const { data, notice, reload } = useLoad(filter, () => api.conversations(filter === "" ? null : filter));

  function open(id: string) {
    setSelected(id);
    reload();
  }

  return (
    <section aria-labelledby="conversations-title">
      <h2 id="conversations-title">Conversations</h2>
      <form onSubmit={(event) => event.preventDefault()}>
        <Choice label="Status" value={filter} choices={FILTERS} onChange={setFilter} />
      </form>
      <Status notice={notice} />
      <DataTable
        caption="Conversations, those that wait for staff first"
        columns={["Subject", "Member", "Status", "Assistant", "Last change"]}
        rows={data}
        rowKey={(conversation) => conversation.id}
        cells={(conversation) => [
          <button onClick={() => setSelected(conversation.id)}>{conversation.subject}</button>,
          conversation.memberName,
          conversation.status.replace("_", " "),
          conversation.assistant?.replace("_", " ") ?? "",
          formatTime(conversation.updatedAt),
        ]}
      />
      {selected && <Thread key={selected} id={selected} onChanged={reload} />}
      <NewConversation onStarted={open} />
    </section>
  );
}
