/** Numbers follow from the softmax by hand; test/e2e/answer.test.ts compares with transformers' pipeline. */
import { describe, expect, test } from "vitest";
import { tinyTokenizer } from "../data/testing/tinyTokenizer.ts";
import { AnswerRanking, type RankingOptions } from "./answerRanking.ts";
import { contextWindows } from "./contextWindows.ts";

const tokenizer = tinyTokenizer(["who", "one", "two", "##s"]);
/** Tokens: [CLS] who [SEP] one two ##s [SEP]. */
const context = "one twos";
const [window] = contextWindows(tokenizer, { question: "who", context }, { maxLength: 16, stride: 0 });
const options: RankingOptions = { topK: 2, maxAnswerLength: 15, allowNoAnswer: false, alignToWords: true };

/** Logits whose softmax over [CLS], one, two, ##s has these values; other tokens are the likeliest, and do not count. */
const logitsOf = ([cls, one, two, s]: readonly [number, number, number, number]) =>
  [cls, 1000, 1000, one, two, s, 1000].map((value) => (value === 1000 ? 1000 : Math.log(value)));
const rank = (given: RankingOptions, times = 1) => {
  const ranking = new AnswerRanking(context, given);
  const logits = { start: logitsOf([0.4, 0.1, 0.3, 0.2]), end: logitsOf([0.2, 0.1, 0.3, 0.4]) };
  for (let time = 0; time < times; time++) ranking.add(window!, logits);
  return ranking.answers().map(({ text, score, start, end }) => [text, Number(score.toFixed(6)), start, end]);
};

describe("AnswerRanking", () => {
  test("adds up the spans that begin and end in the same words", () => {
    // "twos": two..two, two..##s, ##s..##s; "one twos": one..two, one..##s.
    expect(rank({ ...options, topK: 5 })).toEqual(
      [
        ["twos", 0.3 * 0.3 + 0.3 * 0.4 + 0.2 * 0.4, 4, 8],
        ["one twos", 0.1 * 0.3 + 0.1 * 0.4, 0, 8],
        ["one", 0.1 * 0.1, 0, 3],
      ].map(([text, score, ...place]) => [text, Number((score as number).toFixed(6)), ...place]),
    );
  });

  test("keeps spans apart that are not to be whole words", () => {
    expect(rank({ ...options, alignToWords: false })).toEqual([
      ["twos", 0.12, 4, 8],
      ["two", 0.09, 4, 7],
    ]);
  });

  test("takes the least of the windows for no answer", () => {
    expect(rank({ ...options, topK: 5, allowNoAnswer: true })).toContainEqual(["", 0.08, 0, 0]);
  });

  test("finds the best span of a long window, also when its ends are not among the likeliest", () => {
    // Fifty likely ends come before fifty likely starts; the best span that is left joins two tokens that are less likely.
    const long = Array.from({ length: 110 }, () => "one").join(" ");
    const [whole] = contextWindows(tokenizer, { question: "who", context: long }, { maxLength: 200, stride: 0 });
    const ofToken = (value: (token: number) => number) =>
      Array.from({ length: whole!.encoding.length }, (_, token) => value(token - 3));
    const start = ofToken((token) => (token >= 60 && token < 110 ? 5 : token === 52 ? 3 : 0));
    const end = ofToken((token) => (token >= 0 && token < 50 ? 5 : token === 55 ? 4 : 0));
    const ranking = new AnswerRanking(long, { ...options, topK: 1, alignToWords: false });
    ranking.add(whole!, { start, end });
    const [best] = ranking.answers();
    expect([best!.start, best!.end]).toEqual([52 * 4, 55 * 4 + 3]);
  });

  test("adds up windows that overlap", () => {
    expect(rank(options, 3)[0]).toEqual(["twos", 0.87, 4, 8]);
  });

  test("gives no span longer than maxAnswerLength", () => {
    const texts = rank({ ...options, topK: 5, alignToWords: false, maxAnswerLength: 1 }).map(([text]) => String(text));
    expect(texts.toSorted()).toEqual(["one", "s", "two"]);
  });
});
