/** @file The gateway's machine and processes, as the server itself knows them: no exporter has to be installed. */
import type { BoardSpec } from "../board.ts";
import { of, rate, share } from "./queries.ts";

const CPU = "stagecoach_machine_cpu_seconds_total";
const cpuUse = `1 - ${share(`sum(${rate(CPU, `${of.instance},mode="idle"`)})`, `sum(${rate(CPU, of.instance)})`)}`;
const freeMemory = `stagecoach_machine_available_memory_bytes{${of.instance}} / stagecoach_machine_memory_bytes{${of.instance}}`;
const freeDisk = `stagecoach_data_disk_free_bytes{${of.instance}} / stagecoach_data_disk_bytes{${of.instance}}`;

export const machine: BoardSpec = {
  uid: "stagecoach-machine",
  title: "Stagecoach: machine",
  description: "Is there CPU, memory and disk left on the gateway's machine, and who takes it?",
  variables: [],
  rows: [
    {
      title: "Is it all right?",
      panels: [
        {
          kind: "stat",
          title: "CPU",
          description: "Of all programs. Full under load is what a machine is for; full without load is not.",
          unit: "percentunit",
          width: 8,
          limits: { orange: 0.9, red: 0.98 },
          queries: [{ expr: cpuUse, legend: "used" }],
        },
        {
          kind: "stat",
          title: "Memory left",
          description:
            "Below 10 % the system may end processes: load fewer models (--model-memory), or fewer replicas.",
          unit: "percentunit",
          width: 8,
          limits: { orange: 0.2, red: 0.1 },
          queries: [{ expr: `min(${freeMemory})`, legend: "left" }],
        },
        {
          kind: "stat",
          title: "Disk left",
          description: "Of the data folder. When it is full, uploads get 507 and jobs fail with disk_full.",
          unit: "percentunit",
          width: 8,
          limits: { orange: 0.2, red: 0.1 },
          queries: [{ expr: `min(${freeDisk})`, legend: "left" }],
        },
      ],
    },
    {
      title: "CPU",
      panels: [
        {
          title: "CPU by what it did",
          description: "CPUs, all programs. Nice is training: it gives way to requests.",
          unit: "short",
          width: 8,
          isStacked: true,
          queries: [{ expr: `sum by (mode) (${rate(CPU, `${of.instance},mode!="idle"`)})`, legend: "{{mode}}" }],
        },
        {
          title: "Load",
          description:
            "Programs that run or wait to, beside the CPUs that there are. Above them for long, all are slower.",
          unit: "short",
          width: 8,
          queries: [
            { expr: `stagecoach_machine_load{${of.instance}}`, legend: "load" },
            { expr: `stagecoach_machine_cpus{${of.instance}}`, legend: "CPUs" },
          ],
        },
        {
          title: "Gateway",
          description:
            "CPUs of the gateway's process and what its event loop is late by (p99). Late by 0.1 s: it is full.",
          unit: "short",
          width: 8,
          queries: [
            { expr: rate("process_cpu_seconds_total", of.instance), legend: "CPUs" },
            { expr: `nodejs_eventloop_lag_p99_seconds{${of.instance}}`, legend: "event loop late by, s" },
          ],
        },
      ],
    },
    {
      title: "Memory",
      panels: [
        {
          title: "Our processes",
          description: "Resident memory of the gateway and of each stage's worker, on whatever machine that is.",
          unit: "bytes",
          width: 12,
          isStacked: true,
          more: "stagecoach-pipeline",
          queries: [
            { expr: `process_resident_memory_bytes{${of.instance}}`, legend: "gateway" },
            {
              expr: `stagecoach_worker_resident_memory_bytes{${of.instance}}`,
              legend: "replica {{replica}} stage {{stage}}",
            },
          ],
        },
        {
          title: "Machine",
          description: "What processes can still have, of what there is.",
          unit: "bytes",
          width: 12,
          queries: [
            { expr: `stagecoach_machine_available_memory_bytes{${of.instance}}`, legend: "available" },
            { expr: `stagecoach_machine_memory_bytes{${of.instance}}`, legend: "all" },
            { expr: `stagecoach_loaded_models_bytes{${of.instance}}`, legend: "weights of fine-tuned models" },
          ],
        },
      ],
    },
    {
      title: "Disk",
      panels: [
        {
          title: "Free",
          description:
            "On the data folder's disk. --checkpoint-retention and --max-checkpoints-bytes say how much jobs keep.",
          unit: "bytes",
          width: 12,
          queries: [
            { expr: `stagecoach_data_disk_free_bytes{${of.instance}}`, legend: "free" },
            { expr: `stagecoach_data_disk_bytes{${of.instance}}`, legend: "all" },
          ],
        },
        {
          title: "Uploaded files",
          description: "All of them together may have --max-files-bytes.",
          unit: "bytes",
          width: 12,
          more: "stagecoach-training",
          queries: [{ expr: `stagecoach_files_bytes{${of.instance}}`, legend: "files" }],
        },
      ],
    },
  ],
};
