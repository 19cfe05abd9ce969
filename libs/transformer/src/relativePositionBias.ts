/**
 * @file MPNet's relative position bias: every distance between two tokens falls into a bucket, every bucket has a bias per head.
 *
 * Follows transformers' MPNetEncoder.compute_position_bias (bidirectional T5 buckets, Raffel et al. 2019).
 *
 * Dimensions: L text length, N heads, K buckets.
 */
import { gatherRows, reshape, transpose, type Tensor } from "@stagecoach/graph";

/** Distances beyond this share the last bucket. */
const MAX_DISTANCE = 128;

/**
 * @param table_KN - checkpoint `encoder.relative_attention_bias.weight`
 * @param buckets_LL - bucket of each pair of positions (relativePositionBuckets)
 * @returns `[1, N, L, L]`
 */
export function relativePositionBias(table_KN: Tensor, buckets_LL: Tensor): Tensor {
  const [L, S] = [buckets_LL.shape[0]!, buckets_LL.shape[1]!];
  const N = table_KN.shape[1]!;
  return reshape(transpose(gatherRows(table_KN, buckets_LL), [2, 0, 1]), [1, N, L, S]);
}

/**
 * Bucket of each pair of query and key position.
 *
 * Half of the buckets are for keys after the query; of each half, the first half holds one distance each, the others grow
 * logarithmically up to 128.
 * @param length - L
 * @param numBuckets - K
 * @returns row-major `[L, L]`, query first
 */
export function relativePositionBuckets(length: number, numBuckets: number): Int32Array {
  const half = numBuckets >> 1;
  const exact = half >> 1;
  const bucketOf = (distance: number) => {
    const side = distance > 0 ? half : 0;
    const size = Math.abs(distance);
    if (size < exact) return side + size;
    // In float32, as the reference computes it: at a bucket's edge the rounding decides.
    const ratio = Math.fround(Math.fround(Math.log(Math.fround(size / exact))) / Math.log(MAX_DISTANCE / exact));
    const logarithmic = exact + Math.trunc(Math.fround(ratio * (half - exact)));
    return side + Math.min(logarithmic, half - 1);
  };
  const buckets = new Int32Array(length * length);
  for (let query = 0; query < length; query++) {
    for (let key = 0; key < length; key++) buckets[query * length + key] = bucketOf(key - query);
  }
  return buckets;
}
