/** @file How far a server's download of its model has come: a bar in a terminal, elsewhere entries of its log, which is JSON throughout. */
import type { DownloadProgress } from "@stagecoach/transformer/node";
import type { Logger } from "pino";
import { ProgressBar, Tenths, type ProgressOutput } from "./progressBar.ts";

export type DownloadReport = {
  readonly update: (progress: DownloadProgress) => void;
  /** Nothing more comes. */
  readonly finish: () => void;
};

export function reportDownload(output: ProgressOutput, log: Logger): DownloadReport {
  if (output.isTTY === true) {
    const bar = new ProgressBar(output);
    return {
      update: ({ file, bytes, totalBytes }) => bar.update({ label: file, done: bytes, total: totalBytes }),
      finish: () => bar.finish(),
    };
  }
  const tenths = new Tenths();
  return {
    update({ file, bytes, totalBytes }) {
      if (tenths.isNew(bytes, totalBytes)) log.info({ file, bytes, totalBytes }, "downloading the model");
    },
    finish() {},
  };
}
