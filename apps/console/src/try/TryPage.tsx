/** @file "Try it": the models of this server, asked by hand. `#/try/<tab>?model=<name>` is one tab of one model. */
import { useModels, type Abilities, type ModelEntry } from "../api/useModels.ts";
import { linkTo, useRoute } from "../shell/useRoute.ts";
import { Problem } from "../ui/Problem.tsx";
import { isUsable } from "./abilities.ts";
import { tabs, tabsOf, type TabOfPage } from "./tabs.ts";
import "./try.css";

export function TryPage() {
  const { data, error } = useModels();
  return (
    <>
      <h1>Try it</h1>
      {error !== null ? (
        <div className="card">
          <Problem error={error} />
          <p className="muted">This page asks again every two seconds.</p>
        </div>
      ) : data === undefined ? (
        <output className="muted">Asking which models there are…</output>
      ) : (
        <ModelToTry models={data.data} />
      )}
    </>
  );
}

function ModelToTry({ models }: { readonly models: readonly ModelEntry[] }) {
  const { parts, query } = useRoute();
  const [, tabName] = parts;
  const wanted = query.get("model");
  const model = wanted === null ? models[0] : models.find(({ id }) => id === wanted);
  const go = (id: string) => {
    const next = models.find((each) => each.id === id);
    const isThere =
      next !== undefined && isUsable(next) && tabsOf(next.stagecoach).some(({ name }) => name === tabName);
    location.hash = linkTo(isThere ? ["try", tabName!] : ["try"], { model: id });
  };
  return (
    <>
      <label className="narrow">
        Model
        <select value={model?.id ?? ""} onChange={(event) => go(event.target.value)}>
          {model === undefined && <option value="">choose one</option>}
          {models.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      </label>
      {model === undefined ? (
        <p className="card is-warning">There is no model “{wanted}” on this server: it was removed, or never there.</p>
      ) : isUsable(model) ? (
        <Tabs model={{ id: model.id, abilities: model.stagecoach }} models={models} tabName={tabName} />
      ) : (
        <div className="card">
          <p>This model cannot be asked anything:</p>
          <Problem error={model.stagecoach.problem} />
        </div>
      )}
    </>
  );
}

type TabsProps = {
  readonly model: { readonly id: string; readonly abilities: Abilities };
  readonly models: readonly ModelEntry[];
  readonly tabName: string | undefined;
};

function Tabs({ model, models, tabName }: TabsProps) {
  const { id, abilities } = model;
  const own = tabsOf(abilities);
  const current = tabName === undefined ? own[0]! : own.find(({ name }) => name === tabName);
  return (
    <>
      <p className="muted facts">{factsOf(abilities)}</p>
      <nav className="tabs" aria-label="What to try">
        {own.map(({ name, title }) => (
          <a
            key={name}
            href={linkTo(["try", name], { model: id })}
            aria-current={name === current?.name ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {current === undefined ? (
        <Missing wanted={tabs.find(({ name }) => name === tabName)} id={id} models={models} />
      ) : (
        <current.Tab key={`${current.name} ${id}`} model={model} />
      )}
      {own.length === 2 && (
        <p className="muted">
          This model gives vectors only. Models with a task (labels, answers, masks) have more tabs here:{" "}
          <a href={linkTo(["jobs"])}>fine-tune one</a>, or start the server with one.
        </p>
      )}
    </>
  );
}

function factsOf({ task, labels, dimensions, max_input_length: maxLength }: Abilities): string {
  const trained = task === null ? "gives vectors" : `trained for ${task.replaceAll("-", " ")}`;
  const classes = labels.length > 1 ? `${labels.length} labels` : null;
  return [trained, classes, `vectors of ${dimensions} values`, `reads ${maxLength} tokens`]
    .filter((each) => each !== null)
    .join(" · ");
}

type MissingProps = {
  readonly wanted: TabOfPage | undefined;
  readonly id: string;
  readonly models: readonly ModelEntry[];
};

/** A tab that this model does not have, with the models that do. */
function Missing({ wanted, id, models }: MissingProps) {
  if (wanted === undefined) return <p className="card is-warning">There is no such tab. Choose one above.</p>;
  const others = models.filter(isUsable).filter(({ stagecoach }) => wanted.fits(stagecoach));
  return (
    <div className="card">
      <p className="is-warning">
        “{wanted.title}” wants {wanted.wants}, which {id} is not.
      </p>
      {others.length > 0 && (
        <ul>
          {others.map((other) => (
            <li key={other.id}>
              <a href={linkTo(["try", wanted.name], { model: other.id })}>{other.id}</a>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
