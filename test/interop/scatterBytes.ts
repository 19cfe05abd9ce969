/** @file Prints the bytes of a sum over repeated rows, computed by tfjs-node with as many threads as the argument says. */
import { hostParameters, runToHost } from "@stagecoach/engine";
import { loadTfjs } from "@stagecoach/engine/node";
import { bytesOf } from "../conformance/bytes.ts";
import { scatterExample } from "../conformance/scatterExample.ts";

const { graph, inputs } = scatterExample();
const engine = await loadTfjs({ variant: "tfjs-node", threads: Number(process.argv[2]) });
const executable = await engine.compile(graph, hostParameters({}));
process.stdout.write(bytesOf((await runToHost(executable, inputs))["y"]!));
