/**
 * @file What a student is told by a teacher's hidden states: a sum over states, each of which is compared in the stage that has it.
 *
 * The sum travels with the activations, from the first stage that compares one to the last, and grows in the order of the layers: so its bytes do not
 * depend on how the model is split.
 *
 * Dimensions: T packed tokens, U those of them that are compared, D hidden size of the student, E of the teacher, S compared states.
 */
import {
  add,
  gatherRows,
  input,
  matMul,
  mean,
  mul,
  parameter,
  slice,
  square,
  sub,
  sum,
  withScope,
  type Tensor,
} from "@stagecoach/graph";
import type { LayerRange } from "../encoderStack.ts";
import { normalize } from "../normalization.ts";
import { hiddenOf, type HiddenDistillation } from "./task.ts";
import type { TaskModel } from "./taskModel.ts";

/** The sum up to a stage's last layer, among its outputs and the targets of the stage after it. */
export const HIDDEN_LOSS = "hidden_loss";

const PROJECTION = "distillation.projection.";

/** Whether a weight is part of no model: it is trained beside one, and forgotten. */
export const isAuxiliaryName = (name: string): boolean => name.startsWith(PROJECTION);

/** The states that are compared, and what the model's own are compared with. */
export class HiddenLoss {
  readonly #model: TaskModel;
  readonly #hidden: HiddenDistillation;
  /** What a masked-LM compares: tokens that it is shown. */
  readonly #rows_U: Tensor | null;
  readonly #teacher_UF: Tensor;
  readonly #scale: Tensor;
  #total: Tensor | null;
  #isGrown = false;

  /** null for a task without. @param layers - of the stage */
  static of(model: TaskModel, layers: LayerRange): HiddenLoss | null {
    const hidden = hiddenOf(model.task);
    return hidden === undefined ? null : new HiddenLoss(model, layers, hidden);
  }

  private constructor(model: TaskModel, layers: LayerRange, hidden: HiddenDistillation) {
    this.#model = model;
    this.#hidden = hidden;
    const isMasked = model.task.name === "masked-lm";
    const rows = isMasked ? "U" : "T";
    this.#rows_U = isMasked ? input("taught_rows", ["U"], "int32") : null;
    this.#teacher_UF = input("teacher_states", [rows, hidden.states.length * hidden.size], "float32");
    this.#scale = input("scale.hidden", [], "float32");
    // The state that enters a stage is the stage before's.
    const isFirst = layers.start === 0 || !hidden.states.some(({ student }) => student <= layers.start);
    this.#total = isFirst ? null : input(HIDDEN_LOSS, [], "float32");
  }

  /** Take in one of the model's states, in order. */
  add(state: number, hidden_TD: Tensor): void {
    const place = this.#hidden.states.findIndex(({ student }) => student === state);
    if (place === -1) return;
    withScope(`hidden.${state}`, () => {
      const { size, weight } = this.#hidden;
      const teacher_UE = slice(this.#teacher_UF, { axis: 1, start: place * size, end: (place + 1) * size });
      const own_UD = this.#rows_U === null ? hidden_TD : gatherRows(hidden_TD, this.#rows_U);
      const loss = mul(mul(sum(this.#compare(own_UD, teacher_UE, state)), weight), this.#scale);
      this.#total = this.#total === null ? loss : add(this.#total, loss);
      this.#isGrown = true;
    });
  }

  /** Of all states so far, those of stages before included: `[]`. null where none was compared yet. */
  get total(): Tensor | null {
    return this.#total;
  }

  /** Whether a state of this stage is among them. */
  get isGrown(): boolean {
    return this.#isGrown;
  }

  /** `[U]` */
  #compare(own_UD: Tensor, teacher_UE: Tensor, state: number): Tensor {
    const { loss, size } = this.#hidden;
    if (loss === "cosine") return sub(1, sum(mul(normalize(own_UD), normalize(teacher_UE)), { axis: -1 }));
    const D = this.#model.config.hiddenSize;
    const projected_UE =
      size === D ? own_UD : matMul(own_UD, parameter(`${PROJECTION}${state}.weight`, [size, D]), { transposeB: true });
    return mean(square(sub(projected_UE, teacher_UE)), { axis: -1 });
  }
}
