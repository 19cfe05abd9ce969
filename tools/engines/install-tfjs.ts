/**
 * @file `npm run engine:tfjs [-- gpu]`: TensorFlow as an engine, from npm and PyPI alone.
 *
 * tfjs-node's own install script fetches libtensorflow 2.9.1 from a host of its own, and a version of it that knows no
 * current GPU. The C++ libraries in a TensorFlow wheel export the same C API, so the binding (two C++ files) is compiled
 * here against those. Result: `.engines/tfjs-node` or `.engines/tfjs-node-gpu`, where libs/engine looks for it.
 *
 * Needs python3 with pip, g++, npm. Linux with glibc. `gpu` adds the CUDA libraries that the wheel names, unless
 * `--system-cuda` says that the machine has them. `--force` starts anew. `STAGECOACH_ENGINES_DIR` is another place for it.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const TFJS_VERSION = "4.22.0";
const TENSORFLOW_VERSION = "2.21.0";
/** Any CPython that the wheel exists for: only its C++ files are taken, so it need not be the one that is installed. */
const WHEEL_PYTHON = { version: "3.12", abi: "cp312" };
const WHEEL_PLATFORMS: Readonly<Record<string, string>> = {
  x64: "manylinux_2_27_x86_64",
  arm64: "manylinux_2_27_aarch64",
};
/** The Node-API version that node-pre-gyp, inside of tfjs-node, looks for; one build serves every Node that we support. */
const NODE_API_VERSION = 8;

const repository = resolve(import.meta.dirname, "../..");
const flags = process.argv.slice(2);
const isGpu = flags.includes("gpu");
const name = isGpu ? "tfjs-node-gpu" : "tfjs-node";
const npmPackage = `@tensorflow/${name}`;
const enginesFolder = resolve(process.env["STAGECOACH_ENGINES_DIR"] ?? join(repository, ".engines"));
const folder = join(enginesFolder, name);
const recipe = {
  [name]: TFJS_VERSION,
  tensorflow: TENSORFLOW_VERSION,
  cuda: isGpu && !flags.includes("--system-cuda"),
};

try {
  install();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function install(): void {
  const unknownFlag = flags.find((flag) => !["gpu", "--system-cuda", "--force"].includes(flag));
  if (unknownFlag !== undefined)
    fail(`unknown argument "${unknownFlag}" (usage: npm run engine:tfjs -- [gpu] [--system-cuda] [--force])`);
  if (!flags.includes("--force") && isInstalled()) {
    console.log(`${name} is already in ${folder} (${JSON.stringify(recipe)}); --force installs it anew`);
    return;
  }
  const tools = requireTools();
  const work = join(enginesFolder, `.${name}-unfinished`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const packageFolder = installPackage(work);
    installLibraries(packageFolder, { tools, work });
    buildBinding(packageFolder, tools);
    checkBinding(work);
    writeFileSync(join(work, "engine.json"), `${JSON.stringify(recipe, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  console.log(`\n${name} is in ${folder}`);
}

function isInstalled(): boolean {
  const record = join(folder, "engine.json");
  return existsSync(record) && JSON.stringify(JSON.parse(readFileSync(record, "utf8"))) === JSON.stringify(recipe);
}

type Tools = {
  readonly python: string;
  readonly compiler: string;
  readonly nodeHeaders: string;
  /** As pip names this machine. */
  readonly wheelPlatform: string;
};

function requireTools(): Tools {
  const wheelPlatform = WHEEL_PLATFORMS[process.arch];
  if (process.platform !== "linux" || wheelPlatform === undefined) {
    fail(
      `TensorFlow's C++ libraries are taken from its wheels for Linux x64 and arm64; this is ${process.platform} ${process.arch}`,
    );
  }
  const python = process.env["PYTHON"] ?? "python3";
  const compiler = process.env["CXX"] ?? "g++";
  const missing = [
    works(python, ["-m", "pip", "--version"])
      ? []
      : [`${python} with pip (Debian, Ubuntu: apt-get install python3-pip)`],
    works(compiler, ["--version"]) ? [] : [`${compiler} (Debian, Ubuntu: apt-get install g++)`],
  ].flat();
  if (missing.length > 0) fail(`these are needed and were not found: ${missing.join("; ")}`);
  return { python, compiler, nodeHeaders: findNodeHeaders(), wheelPlatform };
}

/** node_api.h: from the npm package that pins our Node, or from beside the running one. */
function findNodeHeaders(): string {
  const fromPackage = `node-linux-${process.arch}/package.json`;
  const require = createRequire(import.meta.url);
  const candidates = [join(dirname(dirname(process.execPath)), "include/node")];
  try {
    candidates.unshift(join(dirname(require.resolve(fromPackage)), "include/node"));
  } catch {
    // The package is optional; the headers beside the running Node serve as well.
  }
  const found = candidates.find((each) => existsSync(join(each, "node_api.h")));
  return (
    found ??
    fail(`node_api.h is in none of ${candidates.join(", ")} (npm install brings it; or install Node's headers)`)
  );
}

/** The JavaScript part. Its install script must not run: it would fetch another libtensorflow. */
function installPackage(work: string): string {
  step(`${npmPackage}@${TFJS_VERSION} from npm`);
  writeFileSync(join(work, "package.json"), `${JSON.stringify({ name: `stagecoach-${name}`, private: true })}\n`);
  const npm = process.env["npm_execpath"];
  const options = [
    "--prefix",
    work,
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--workspaces=false",
  ];
  const command = ["install", `${npmPackage}@${TFJS_VERSION}`, ...options];
  if (npm === undefined) run("npm", command, { cwd: work });
  else run(process.execPath, [npm, ...command], { cwd: work });
  const modules = join(work, "node_modules");
  // Source maps are a quarter of what npm brings, and of no use here.
  for (const file of readdirSync(modules, { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".map")) rmSync(join(modules, file));
  }
  return join(modules, npmPackage);
}

function installLibraries(
  packageFolder: string,
  { tools: { python, wheelPlatform }, work }: { readonly tools: Tools; readonly work: string },
): void {
  const wheel = isGpu || process.arch !== "x64" ? "tensorflow" : "tensorflow-cpu";
  const wheels = join(work, "wheels");
  const deps = join(packageFolder, "deps");
  const { version, abi } = WHEEL_PYTHON;
  const target = ["--python-version", version, "--implementation", "cp", "--abi", abi, "--platform", wheelPlatform];
  step(`${wheel} ${TENSORFLOW_VERSION} from PyPI (${isGpu ? 570 : 275} MB)`);
  const pip = ["-m", "pip", "--disable-pip-version-check"];
  run(
    python,
    [
      ...pip,
      "download",
      "--no-deps",
      "--only-binary=:all:",
      ...target,
      "-d",
      wheels,
      `${wheel}==${TENSORFLOW_VERSION}`,
    ],
    { cwd: work },
  );

  step("headers and libraries from the wheel");
  const files = readdirSync(wheels).filter((file) => file.endsWith(".whl"));
  const extract = join(import.meta.dirname, "extract_wheel.py");
  const cuda = execFileSync(python, [extract, join(wheels, files[0]!), deps], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
  rmSync(wheels, { recursive: true });
  renameSync(join(deps, "licenses"), join(work, "licenses"));
  const lib = join(deps, "lib");
  if (works("strip", ["--version"])) {
    step("stripping symbols");
    for (const file of readdirSync(lib)) run("strip", ["--strip-unneeded", file], { cwd: lib });
  }
  symlinkSync("libtensorflow_cc.so.2", join(lib, "libtensorflow.so"));
  symlinkSync("libtensorflow_framework.so.2", join(lib, "libtensorflow_framework.so"));
  if (recipe.cuda) {
    step(`CUDA libraries from PyPI (2 to 3 GB): ${cuda.join(", ")}`);
    // The libraries search for CUDA in ../nvidia/*/lib, relative to themselves.
    run(python, [...pip, "install", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", deps, ...cuda], {
      cwd: work,
    });
  }
}

function buildBinding(packageFolder: string, { compiler, nodeHeaders }: Tools): void {
  step("compiling the binding");
  const output = join(packageFolder, `lib/napi-v${NODE_API_VERSION}`);
  mkdirSync(output, { recursive: true });
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join("binding", file));
  const libraries = ["-Ldeps/lib", "-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib"];
  const options = [
    "-O2",
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    `-DNAPI_VERSION=${NODE_API_VERSION}`,
  ];
  const includes = [`-I${nodeHeaders}`, "-Ideps/include"];
  const binding = join(output, "tfjs_binding.node");
  run(compiler, [...options, ...includes, ...sources, ...libraries, "-o", binding], { cwd: packageFolder });
}

/** Multiply two matrices, in a process of its own. */
function checkBinding(work: string): void {
  step("trying it");
  const program = `
    const util = require("node:util");
    util.isNullOrUndefined ??= (value) => value == null;
    util.isArray ??= Array.isArray;
    const tf = require(${JSON.stringify(npmPackage)});
    const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 0, 0, 1], [2, 2]));
    if (product.dataSync().join() !== "1,2,3,4") throw new Error("a product of matrices is wrong: " + product.dataSync());
    console.log("TensorFlow " + tf.backend().binding.TF_Version + (tf.backend().isUsingGpuDevice ? " on a GPU" : " on the CPU"));`;
  run(process.execPath, ["--no-deprecation", "-e", program], {
    cwd: work,
    variables: { TF_CPP_MIN_LOG_LEVEL: "3", TF_ENABLE_ONEDNN_OPTS: "0" },
  });
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

type RunOptions = { readonly cwd: string; readonly variables?: Readonly<Record<string, string>> };

function run(command: string, args: readonly string[], { cwd, variables = {} }: RunOptions): void {
  // npm's own variables would point a nested npm at the repository instead of at its --prefix.
  const { npm_config_local_prefix: _, npm_config_ignore_scripts: __, ...inherited } = process.env;
  try {
    execFileSync(command, args, { cwd, stdio: "inherit", env: { ...inherited, ...variables } });
  } catch (error) {
    fail(
      `${command} ${args.slice(0, 4).join(" ")} failed (${error instanceof Error ? error.message.split("\n")[0] : String(error)})`,
    );
  }
}

function step(what: string): void {
  console.log(`\n== ${what}`);
}

function fail(message: string): never {
  throw new Error(`engine:tfjs: ${message}`);
}
