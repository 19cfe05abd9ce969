/** @file Dot products of a few vectors with many, on an engine. */
import { float32, hostParameters, joinFloat32, runToHost } from "@stagecoach/engine";
import { loadEngine, type EngineName } from "@stagecoach/engine/node";
import { graphOf, input, matMul, parameter } from "@stagecoach/graph";

export type Ranking = AsyncDisposable & {
  /** Of each query with all documents. */
  scores(queries: readonly Float32Array[]): Promise<Float32Array[]>;
};

/** @param documents - at least one; all of one size @throws EngineUnavailableError, EngineFailureError */
export async function openRanking(
  documents: readonly Float32Array[],
  { engine: name, threads }: { readonly engine: EngineName; readonly threads: number },
): Promise<Ranking> {
  const size = documents[0]!.length;
  const shape = [documents.length, size] as const;
  const engine = await loadEngine(name, { threads });
  const scores_QN = matMul(input("queries", ["Q", size], "float32"), parameter("documents", shape), {
    transposeB: true,
  });
  const executable = await engine.compile(
    graphOf({ scores: scores_QN }),
    hostParameters({ documents: float32(joinFloat32(documents), shape) }),
  );
  return {
    async scores(queries) {
      const given = { queries: float32(joinFloat32(queries), [queries.length, size]) };
      const { data } = (await runToHost(executable, given))["scores"]!;
      const all = data as Float32Array;
      return queries.map((_, query) => all.subarray(query * documents.length, (query + 1) * documents.length));
    },
    async [Symbol.asyncDispose]() {
      await executable.dispose();
      await engine.dispose();
    },
  };
}
