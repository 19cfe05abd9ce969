/** @file All dashboards, and each as the text of its file in deploy/grafana/dashboards. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { boardOf } from "./board.ts";
import { machine } from "./boards/machine.ts";
import { pipeline } from "./boards/pipeline.ts";
import { serving } from "./boards/serving.ts";
import { training } from "./boards/training.ts";

export const allBoards: readonly Dashboard[] = [serving, pipeline, training, machine].map(boardOf);

export const fileOf = ({ uid }: Dashboard): string => `${uid}.json`;
export const textOf = (board: Dashboard): string => `${JSON.stringify(board, null, 2)}\n`;
