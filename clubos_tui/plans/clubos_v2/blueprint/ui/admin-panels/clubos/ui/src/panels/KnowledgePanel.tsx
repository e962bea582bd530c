import { useState, type FormEvent } from "react";
import { ASSISTANTS, type Article, type AssistantKey } from "../../../src/domain/model.js";
import { useAction, useLoad, useSession } from "../api/hooks.js";
import { Choice, DataTable, Field, formatTime, Status, TextField } from "../components/controls.js";

const WAITING = "The proposal waits for approval. The article has not changed.";

/** Writes a proposal by hand or asks Claude for one. Neither changes the article. */
function ProposalForm({ article }: { article: Article | null }) {
  const { api } = useSession();
  const [slug, setSlug] = useState(article?.slug ?? "");
  const [assistant, setAssistant] = useState<AssistantKey>(article?.assistant ?? "booking");
  const [title, setTitle] = useState(article?.title ?? "");
  const [body, setBody] = useState(article?.body ?? "");
  const [rationale, setRationale] = useState("");
  const [instruction, setInstruction] = useState("");
  const action = useAction();

  function propose(event: FormEvent) {
    event.preventDefault();
    void action.run(async () => {
      await api.propose({ slug, assistant, title, body, rationale });
      return WAITING;
    });
  }

  function askClaude(event: FormEvent) {
    event.preventDefault();
    void action.run(async () => {
      const { proposal, rationale: reason } = await api.askClaude(slug, assistant, instruction);
      return proposal ? `${WAITING} Claude: ${reason}` : `Claude proposes no change: ${reason}`;
    });
  }

  return (
    <div className="box">
      <h3>{article ? "Propose a change" : "Propose a new article"}</h3>
      <form onSubmit={propose} aria-label="Write a proposal">
        {!article && <Field label="Name (words-with-hyphens)" value={slug} onChange={setSlug} required />}
        <Choice label="Assistant" value={assistant} choices={ASSISTANTS} onChange={setAssistant} />
        <Field label="Title" value={title} onChange={setTitle} required />
        <TextField label="Text" value={body} onChange={setBody} rows={8} />
        <Field label="Why" value={rationale} onChange={setRationale} required />
        <button disabled={action.busy}>Propose</button>
      </form>
      <form onSubmit={askClaude} aria-label="Ask Claude for a draft">
        <TextField label="Or tell Claude what should change" value={instruction} onChange={setInstruction} rows={2} />
        <button disabled={action.busy || slug === ""}>Ask Claude</button>
      </form>
      <Status notice={action.notice} />
    </div>
  );
}

function ArticleView({ slug }: { slug: string }) {
  const { api } = useSession();
  const { data, notice } = useLoad(slug, () => api.article(slug));
  const action = useAction();
  if (!data) return <Status notice={notice} />;

  const restore = (version: number) =>
    void action.run(async () => {
      await api.restore(slug, version);
      return WAITING;
    });

  return (
    <article className="box">
      <h3>{data.title}</h3>
      <p className="text">{data.body}</p>
      <DataTable
        caption="Versions"
        columns={["Version", "Since", "Title", "Options"]}
        rows={data.versions}
        rowKey={(version) => version.version}
        cells={({ version, createdAt, title }) => [
          version,
          formatTime(createdAt),
          title,
          version === data.version ? (
            "current"
          ) : (
            <button
              disabled={action.busy}
              onClick={() => restore(version)}
            >{`Propose to restore version ${version}`}</button>
          ),
        ]}
      />
      <Status notice={action.notice} />
      <ProposalForm article={data} />
    </article>
  );
}

export function KnowledgePanel() {
  const { api } = useSession();
  const [selected, setSelected] = useState<string | null>(null);
  const { data, notice } = useLoad("articles", api.articles);

  return (
    <section aria-labelledby="knowledge-title">
      <h2 id="knowledge-title">Knowledge</h2>
      <Status notice={notice} />
      <DataTable
        caption="Articles the assistants answer from"
        columns={["Article", "Assistant", "Version", "Last change"]}
        rows={data}
        rowKey={(article) => article.id}
        cells={(article) => [
          <button onClick={() => setSelected(article.slug)}>{article.title}</button>,
          article.assistant.replace("_", " "),
          article.version,
          formatTime(article.updatedAt),
        ]}
      />
      {selected && <button onClick={() => setSelected(null)}>New article</button>}
      {selected ? <ArticleView key={selected} slug={selected} /> : <ProposalForm article={null} />}
    </section>
  );
}
