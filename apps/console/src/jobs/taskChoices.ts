/** @file The tasks that a job can train, in words, with the columns that each reads and the request by which its model is asked. */

type TaskChoice = {
  readonly title: string;
  /** Columns that it can read, by their roles; those in front are what most files have. */
  readonly roles: readonly string[];
  /** null: no route serves it; the model's folder is for transformers. */
  readonly ask: { readonly path: string; readonly body: object } | null;
};

const documents = ["text", "sentences", "paragraphs"] as const;
const pair = ["The river is long.", "It flows to the sea."];

export const taskChoices: Readonly<Record<string, TaskChoice>> = {
  "sequence-classification": {
    title: "Classify texts (labels or numbers)",
    roles: ["text", "label", "text_pair", "messages"],
    ask: { path: "/predict", body: { inputs: "A text to classify." } },
  },
  "token-classification": {
    title: "Label the words of texts",
    roles: ["tokens", "tags"],
    ask: { path: "/predict", body: { inputs: "A text whose words get labels." } },
  },
  "question-answering": {
    title: "Answer questions from a text",
    roles: ["question", "context", "answers"],
    ask: { path: "/answer", body: { inputs: { question: "Who?", context: "Ada did." } } },
  },
  "multiple-choice": {
    title: "Choose one of several endings",
    roles: ["prompt", "choices", "label"],
    ask: null,
  },
  "sentence-embedding": {
    title: "Vectors of sentences",
    roles: ["anchor", "positive", "negative", "negatives", "text", "text_pair", "label", "sentences", "paragraphs"],
    ask: { path: "/v1/embeddings", body: { input: "A text." } },
  },
  "masked-lm": {
    title: "Fill in masked words",
    roles: documents,
    ask: { path: "/fill-mask", body: { inputs: "A [MASK] text." } },
  },
  "next-sentence": {
    title: "Tell whether a sentence follows",
    roles: documents,
    ask: { path: "/next-sentence", body: { inputs: pair } },
  },
  pretraining: {
    title: "Pre-train: masked words and next sentences",
    roles: documents,
    ask: { path: "/fill-mask", body: { inputs: "A [MASK] text." } },
  },
};

/** Roles to offer: the task's, and those that were guessed. */
export function rolesOf(task: string, guessed: Readonly<Record<string, string>>): string[] {
  return [...new Set([...(taskChoices[task]?.roles ?? []), ...Object.keys(guessed)])];
}

/** What each role is, for people. */
export const roleTitles: Readonly<Record<string, string>> = {
  text: "Text",
  text_pair: "Second text",
  label: "Label",
  tokens: "Words",
  tags: "Label of each word",
  context: "Text with the answer",
  question: "Question",
  answers: "Answers",
  prompt: "Beginning",
  choices: "Endings to choose from",
  messages: "Messages of a chat",
  paragraphs: "Paragraphs",
  sentences: "Sentences",
  anchor: "Text",
  positive: "Text that belongs to it",
  negative: "Text that does not",
  negatives: "Texts that do not",
};
