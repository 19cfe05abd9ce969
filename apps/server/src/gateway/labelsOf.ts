/** @file A place as labels of metrics. */
import type { Place } from "@stagecoach/parallel";

export function labelsOf({ replica, stage }: Place) {
  return { replica: String(replica), stage: String(stage) };
}
