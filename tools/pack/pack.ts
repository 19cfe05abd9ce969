/**
 * @file `npm run pack`: the packages as they are published, as tarballs in .cache/packages.
 *
 * Built JavaScript with types, no sources. ONNX Runtime comes along as one small package per platform: onnxruntime-node itself has the
 * binaries of all platforms in it (288 MB) and an install script that fetches CUDA parts, which fails where only the registry can be
 * reached. Ours are its own files for one platform (45 MB on Linux x64) with no script; its licence and notices come with them.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const output = join(repository, ".cache/packages");
const staging = join(repository, ".cache/staging");
const packages = [
  "libs/graph",
  "libs/engine",
  "libs/transformer",
  "libs/tokenizer",
  "libs/training",
  "libs/parallel",
  "apps/stage-worker",
  "apps/server",
];
const consoleSources = "apps/console";

/** Platforms for which onnxruntime-node has binaries, as Node names them. */
const platforms = [
  ["linux", "x64"],
  ["linux", "arm64"],
  ["darwin", "arm64"],
  ["win32", "x64"],
  ["win32", "arm64"],
] as const;

type Manifest = Record<string, unknown> & { readonly name: string; readonly version: string };
const readManifest = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Manifest;
const onnxRuntime = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
const onnxRuntimeManifest = readManifest(join(onnxRuntime, "package.json"));

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
// From nothing, so that no file of an earlier build comes along.
for (const folder of [...packages, consoleSources])
  rmSync(join(repository, folder, "dist"), { recursive: true, force: true });
execFileSync("npm", ["run", "build", "--silent", "--", "--skip-nx-cache"], {
  cwd: repository,
  stdio: ["ignore", "ignore", "inherit"],
});
for (const folder of packages) packOurs(folder);
for (const [platform, arch] of platforms) packOnnxRuntime(platform, arch);
rmSync(staging, { recursive: true, force: true });

function packOurs(folder: string): void {
  const from = join(repository, folder);
  const manifest = published(readManifest(join(from, "package.json")));
  stage(manifest, (to) => {
    if (folder === "apps/server") {
      copyDocsPage(to);
      cpSync(join(repository, consoleSources, "dist"), join(to, "assets/console"), { recursive: true });
    }
    for (const part of ["dist", "bin", "models"])
      if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true });
    cpSync(join(repository, "LICENSE"), join(to, "LICENSE"));
    cpSync(join(repository, "README.md"), join(to, "README.md"));
  });
}

/** The page of `/docs`, without the package that it comes in: that one reports its installation to a third party. */
function copyDocsPage(to: string): void {
  const from = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  mkdirSync(join(to, "assets/swagger-ui"), { recursive: true });
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "NOTICE"])
    cpSync(join(from, file), join(to, "assets/swagger-ui", file));
}

/** Without what only a checkout has: the sources' export condition and the scripts. */
function published(manifest: Manifest): Manifest {
  const { scripts: _scripts, ...rest } = manifest;
  const exports = Object.fromEntries(
    Object.entries(manifest["exports"] as Record<string, Record<string, string>>).map(([path, conditions]) => {
      const { "@stagecoach/source": _source, ...others } = conditions;
      return [path, others];
    }),
  );
  if (manifest.name !== "@stagecoach/engine")
    return { ...rest, name: manifest.name, version: manifest.version, exports };
  const optionalDependencies = Object.fromEntries(
    platforms.map(([platform, arch]) => [slimName(platform, arch), onnxRuntimeManifest.version]),
  );
  return { ...rest, name: manifest.name, version: manifest.version, exports, optionalDependencies };
}

function slimName(platform: string, arch: string): string {
  return `@stagecoach/onnxruntime-${platform}-${arch}`;
}

function packOnnxRuntime(platform: string, arch: string): void {
  const binaries = join("bin/napi-v6", platform, arch);
  if (!existsSync(join(onnxRuntime, binaries))) throw new Error(`pack: onnxruntime-node has no ${binaries}`);
  const { version, license, main, types, dependencies } = onnxRuntimeManifest;
  const { "onnxruntime-common": common } = dependencies as Record<string, string>;
  const manifest: Manifest = {
    name: slimName(platform, arch),
    version,
    license,
    description: `onnxruntime-node ${version} for ${platform} ${arch}: its own files without those of other platforms and without its install script`,
    repository: onnxRuntimeManifest["repository"],
    os: [platform],
    cpu: [arch],
    main,
    types,
    dependencies: { "onnxruntime-common": common },
  };
  stage(manifest, (to) => {
    for (const part of ["dist", binaries]) cpSync(join(onnxRuntime, part), join(to, part), { recursive: true });
    cpSync(join(onnxRuntime, "README.md"), join(to, "README.md"));
    cpSync(fileURLToPath(new URL("onnxruntime-LICENSE.txt", import.meta.url)), join(to, "LICENSE"));
  });
}

function stage(manifest: Manifest, fill: (folder: string) => void): void {
  const folder = join(staging, manifest.name);
  mkdirSync(folder, { recursive: true });
  fill(folder);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", output], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  console.log(`${manifest.name}@${manifest.version}`);
}
