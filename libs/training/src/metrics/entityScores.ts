/**
 * @file Scores of named entities, as seqeval 1.2.2 (evaluate's `seqeval`): an entity is right when its type, start and
 * end are right.
 *
 * Two ways to read tags. "conlleval" (seqeval's default, and that of the CoNLL script): an I-X that follows O or another
 * type starts an entity; E- and S- tags count too. "IOB2" (seqeval's `mode="strict", scheme=IOB2`): an entity starts with B-X
 * only. The same tags can score 1 in one and 0 in the other, so a report has to say which it is.
 */
import { MetricError } from "../errors.ts";
import { averageScores, scoresOf, type AveragedScores, type ClassCounts, type Scores } from "./classScores.ts";
import { expectSameLength } from "./expectSameLength.ts";

export type EntityScheme = "conlleval" | "IOB2";

export type EntityScores = AveragedScores & {
  /** Share of tags that are right; null when there are no tags. */
  readonly accuracy: number | null;
  /** By entity type, in alphabetical order. `micro` is seqeval's overall score. */
  readonly perType: Readonly<Record<string, Scores & { readonly support: number }>>;
};

/** `end` is the place of the last tag. */
export type Entity = { readonly type: string; readonly start: number; readonly end: number };

type Tags = readonly string[];

/**
 * @param targets - tags of each text
 * @param predictions - as many for each text
 * @throws MetricError when lengths differ, or a tag does not belong to IOB2 where that is asked for
 */
export function entityScores(
  targets: readonly Tags[],
  predictions: readonly Tags[],
  scheme: EntityScheme = "conlleval",
): EntityScores {
  expectSameLength("entityScores", targets, predictions);
  const counts = new Map<string, { correct: number; predicted: number; actual: number }>();
  const countsOf = (type: string) => {
    if (!counts.has(type)) counts.set(type, { correct: 0, predicted: 0, actual: 0 });
    return counts.get(type)!;
  };
  let [numTags, numRight] = [0, 0];
  for (const [text, actual] of targets.entries()) {
    const predicted = predictions[text]!;
    expectSameLength("entityScores", actual, predicted);
    numTags += actual.length;
    for (const [place, tag] of actual.entries()) if (tag === predicted[place]) numRight++;
    const found = new Set<string>();
    for (const entity of entities(actual, scheme)) {
      countsOf(entity.type).actual++;
      found.add(keyOf(entity));
    }
    for (const entity of entities(predicted, scheme)) {
      countsOf(entity.type).predicted++;
      if (found.has(keyOf(entity))) countsOf(entity.type).correct++;
    }
  }
  return {
    accuracy: numTags === 0 ? null : numRight / numTags,
    perType: reportByType(counts),
    ...averageScores([...counts.values()]),
  };
}

/** The entities that the tags of one text name, in order. */
export function entities(tags: Tags, scheme: EntityScheme): Entity[] {
  return scheme === "IOB2" ? strictEntities(tags) : conllEntities(tags);
}

type Tag = { readonly prefix: string; readonly type: string };

const outside: Tag = { prefix: "O", type: "_" };

function conllEntities(tags: Tags): Entity[] {
  const found: Entity[] = [];
  let start = 0;
  let previous: Tag = { prefix: "O", type: "" };
  for (let place = 0; place <= tags.length; place++) {
    const tag = place < tags.length ? conllTag(tags[place]!) : outside;
    if (endsEntity(previous, tag)) found.push({ type: previous.type, start, end: place - 1 });
    if (startsEntity(previous, tag)) start = place;
    previous = tag;
  }
  return found;
}

function conllTag(tag: string): Tag {
  const rest = tag.slice(1);
  return { prefix: tag.slice(0, 1), type: (rest.includes("-") ? rest.slice(rest.indexOf("-") + 1) : rest) || "_" };
}

function endsEntity(previous: Tag, tag: Tag): boolean {
  if ("ES".includes(previous.prefix)) return true;
  if ("BI".includes(previous.prefix) && "BSO".includes(tag.prefix)) return true;
  return !"O.".includes(previous.prefix) && previous.type !== tag.type;
}

function startsEntity(previous: Tag, tag: Tag): boolean {
  if ("BS".includes(tag.prefix)) return true;
  if ("ESO".includes(previous.prefix) && "EI".includes(tag.prefix)) return true;
  return !"O.".includes(tag.prefix) && previous.type !== tag.type;
}

function strictEntities(tags: Tags): Entity[] {
  const found: Entity[] = [];
  let open: { type: string; start: number } | null = null;
  for (let place = 0; place <= tags.length; place++) {
    const tag = place < tags.length ? strictTag(tags[place]!) : outside;
    if (open !== null && tag.prefix === "I" && tag.type === open.type) continue;
    if (open !== null) found.push({ ...open, end: place - 1 });
    open = tag.prefix === "B" ? { type: tag.type, start: place } : null;
  }
  return found;
}

function strictTag(tag: string): Tag {
  if (!/^[IOB]/.test(tag)) {
    throw new MetricError(`entityScores: expected tags of IOB2 (B-, I- or O), got ${JSON.stringify(tag)}`);
  }
  return { prefix: tag.slice(0, 1), type: tag.slice(1).replace(/^-+|-+$/g, "") || "_" };
}

const keyOf = ({ type, start, end }: Entity): string => `${start} ${end} ${type}`;

function reportByType(counts: ReadonlyMap<string, ClassCounts>): EntityScores["perType"] {
  const types = [...counts.keys()].toSorted((left, right) => (left < right ? -1 : 1));
  return Object.fromEntries(
    types.map((type) => [type, { ...scoresOf(counts.get(type)!), support: counts.get(type)!.actual }]),
  );
}
