/**
 * @file Tensors between JavaScript memory and tfjs.
 *
 * tfjs keeps a reference to the array that a tensor is made from, its native library may read that array later, and reading
 * a tensor that no kernel has computed gives that very array back. So an upload gets a copy, and such a read gives one.
 */
import type { EngineTensor, HostTensor } from "../engine.ts";
import type { TfData, TfModule, TfTensor } from "./tf.ts";

const uploaded = new WeakSet<TfData>();

export function upload(tf: TfModule, { dtype, shape, data }: HostTensor): TfTensor {
  const copy = data instanceof Float64Array ? Float32Array.from(data) : data.slice();
  uploaded.add(copy);
  return tf.tensor(copy, shape, dtype);
}

/** Values that belong to the caller. */
export async function download(tensor: TfTensor): Promise<TfData> {
  const data = await tensor.data();
  return uploaded.has(data) ? data.slice() : data;
}

const held = new WeakMap<EngineTensor, TfTensor>();

/** A handle that owns `tensor`. */
export function heldTensor(tensor: TfTensor, { dtype, shape }: Pick<HostTensor, "dtype" | "shape">): EngineTensor {
  const handle: EngineTensor = {
    dtype,
    shape,
    read: async () => ({ dtype, shape, data: await download(tensorOf(handle)) }),
    dispose() {
      held.get(handle)?.dispose();
      held.delete(handle);
    },
  };
  held.set(handle, tensor);
  return handle;
}

/** Put `tensor` in the place of what the handle held. */
export function replaceHeld(handle: EngineTensor, tensor: TfTensor): void {
  tensorOf(handle).dispose();
  held.set(handle, tensor);
}

export function tensorOf(handle: EngineTensor): TfTensor {
  const tensor = held.get(handle);
  if (tensor === undefined) throw new Error("internal: a tensor was used after it was disposed of");
  return tensor;
}
