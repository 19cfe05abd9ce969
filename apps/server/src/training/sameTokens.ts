/** @file Whether two models have the same tokens: then what one says of a token is said of the other's. */
import { TrainingError } from "@stagecoach/training";
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import type { EncoderModel } from "@stagecoach/transformer";
import type { Student } from "./teacher.ts";
import type { StagedTeacher } from "./teacherStages.ts";

/**
 * A teacher that is given the ids of the student's tokenizer.
 *
 * @param use.what - of the teacher is learned, for the message
 * @param use.longest - tokens of the longest example
 * @throws TrainingError where an id is another token, or the teacher has no place for so many
 */
export async function expectSameTokens(
  { folder, model }: StagedTeacher,
  student: Student,
  use: { readonly what: string; readonly longest: number },
): Promise<void> {
  const [own, theirs] = await Promise.all([open(student.folder, student.model), open(folder, model)]);
  const refuse = (got: string) => {
    throw new TrainingError(
      "training_option",
      `teacher: expected the student's tokenizer, since its ${use.what} are those of tokens, got ${got}`,
    );
  };
  if (own.vocabSize !== theirs.vocabSize) refuse(`${theirs.vocabSize} tokens, where the student has ${own.vocabSize}`);
  const shown = (token: string | undefined) => (token === undefined ? "no token" : JSON.stringify(token));
  for (let id = 0; id < own.vocabSize; id++) {
    const [mine, other] = [own.idToToken(id), theirs.idToToken(id)];
    if (mine !== other) refuse(`${shown(other)} for the id ${id}, which is ${shown(mine)} of the student`);
  }
  const { maxLength } = model.config;
  if (use.longest > maxLength) {
    const message = `teacher: expected one with positions for ${use.longest} tokens, got ${maxLength} (take a smaller max length)`;
    throw new TrainingError("training_option", message);
  }
}

const open = (folder: string, { modules }: Pick<EncoderModel, "modules">) =>
  loadTokenizer(folder, { lowerCase: modules.lowerCase });
