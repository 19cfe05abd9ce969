/**
 * @file A job's numbers under OpenAI's names too: in its result file, and with its checkpoints.
 *
 * OpenAI's models generate text, and their accuracy is a mean over tokens. Here it is that of what the task predicts: labels of texts or
 * of tokens, choices, masked tokens. Nobody measures accuracy on training data, so `train_accuracy` and
 * `train_mean_token_accuracy` have no value.
 */

type Numbers = Readonly<Record<string, number | null>>;

/** With `valid_mean_token_accuracy`, where the task has an accuracy. */
export function withMeanTokenAccuracy<Given extends Numbers>(numbers: Given): Given {
  const accuracy = numbers["valid_accuracy"] ?? numbers["valid_masked_lm_accuracy"];
  return accuracy == null ? numbers : { ...numbers, valid_mean_token_accuracy: accuracy };
}

/** With what OpenAI has beside it for the whole of the validation data, which here is what every evaluation is of. */
export function withFullValidation(numbers: Numbers): Numbers {
  const all = withMeanTokenAccuracy(numbers);
  const full = ["valid_loss", "valid_mean_token_accuracy"].flatMap((name) => {
    const value = all[name];
    return value === undefined ? [] : [[`full_${name}`, value] as const];
  });
  return { ...all, ...Object.fromEntries(full) };
}
