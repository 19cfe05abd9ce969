/** @file The queue of jobs on the data folder's own database; test/interop/postgres.test.ts has the same suites on PostgreSQL. */
import { queueCases } from "./testing/queueCases.ts";
import { queueLossCases } from "./testing/queueLossCases.ts";

queueCases("node:sqlite", null);
queueLossCases("node:sqlite", null);
