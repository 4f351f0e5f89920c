import { builtinModules } from "node:module";
import { posix } from "node:path";

/** A package of the workspace as the checks see it. */
export interface HousePackage {
  /** Its folder, e.g. `libs/log`. */
  readonly folder: string;
  readonly manifest: {
    readonly name: string;
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly peerDependencies?: Readonly<Record<string, string>>;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  /** Path inside the package (`src/a.ts`, `test/a.test.ts`) to text. */
  readonly files: Readonly<Record<string, string>>;
}

const SCOPE = "@shardcast/";

/** What each library may import: the arrows of design.md, which run down only. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  routing: [],
  protocol: ["routing"],
  log: ["protocol", "routing"],
  "log-kafka": ["log", "protocol", "routing"],
  control: ["log", "protocol", "routing"],
  results: ["log", "protocol", "routing"],
  broadcasts: ["control", "log", "protocol", "routing"],
  "dead-letters": ["log", "protocol", "routing"],
  contract: ["protocol"],
  "http-client": ["contract", "protocol"],
  "http-words": ["protocol"],
  client: ["broadcasts", "control", "results", "log", "protocol", "routing"],
  worker: ["contract", "control", "results", "log", "protocol", "routing"],
  kubernetes: ["control", "log", "protocol", "routing"],
  testkit: ["client", "worker", "kubernetes", "control", "results", "log", "protocol", "routing"],
};
/** The testkit is for tests: services use it in theirs, not in what they ship. */
const SERVICES_MAY_IMPORT = Object.keys(MAY_IMPORT).filter((lib) => lib !== "testkit");

/** Packages from outside that belong to one library, in tests too. */
const OWNED: Readonly<Record<string, string>> = {
  kafkajs: "log-kafka",
  "@kubernetes/client-node": "kubernetes",
};

/** What a package imports against the house of design.md, each fault in words. */
export function arrowFaults({ folder, manifest, files }: HousePackage): string[] {
  const [floor = "", name = ""] = folder.split("/");
  if (floor === "infra") return [];
  const allowed = floor === "libs" ? MAY_IMPORT[name] : SERVICES_MAY_IMPORT;
  if (allowed === undefined) return [`${folder} has no place in the house`];
  return Object.entries(files).flatMap(([file, text]) =>
    importsOf(text).flatMap((specifier) => {
      const fault = (why: string) => [`${folder}/${file} imports ${specifier}: ${why}`];
      if (specifier.startsWith(".")) {
        const target = posix.join(posix.dirname(file), specifier);
        return target.startsWith("..") ? fault("relative imports stay inside a package") : [];
      }
      const imported = packageOf(specifier);
      const owner = OWNED[imported];
      if (owner !== undefined && owner !== name) return fault(`only ${owner} may`);
      if (!imported.startsWith(SCOPE) || !file.startsWith("src/")) return [];
      if (imported === manifest.name) return fault("inside a package imports are relative");
      return allowed.includes(imported.slice(SCOPE.length)) ? [] : fault("arrows run down only");
    }),
  );
}

/** Sources of a package that import one another in a circle, types too: who reads one would have to read them all. */
export function circleFaults({ folder, files }: HousePackage): string[] {
  const faults: string[] = [];
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): void => {
    const begin = way.indexOf(file);
    if (begin !== -1) faults.push(`${folder}: ${[...way.slice(begin), file].join(" → ")}`);
    if (begin !== -1 || done.has(file)) return;
    for (const specifier of importsOf(files[file] ?? ""))
      if (specifier.startsWith(".")) follow(posix.join(posix.dirname(file), specifier), [...way, file]);
    done.add(file);
  };
  for (const file of Object.keys(files)) if (file.startsWith("src/")) follow(file, []);
  return faults;
}

/** What a manifest declares and the sources do not use, and the other way round. */
export function manifestFaults({ folder, manifest, files }: HousePackage): string[] {
  const { dependencies, peerDependencies, optionalDependencies } = manifest;
  const declared = new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }));
  const used = new Set(
    Object.entries(files)
      .filter(([file]) => file.startsWith("src/"))
      .flatMap(([, text]) => importsOf(text))
      .filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier))
      .map(packageOf),
  );
  used.delete(manifest.name); // arrowFaults tells
  return [
    ...[...declared]
      .filter((name) => !used.has(name))
      .map((name) => `${folder} declares ${name} and does not use it`),
    ...[...used]
      .filter((name) => !declared.has(name))
      .map((name) => `${folder} uses ${name} and does not declare it`),
  ];
}

// A string is matched only to be kept: `//` inside one is no comment.
const COMMENT_OR_STRING =
  /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/.*|\/\*[\s\S]*?\*\//g;
const IMPORTS = [
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\b(?:import|require|import\.meta\.resolve|require\.resolve)\s*\(\s*["'`]([^"'`]+)["'`]/g,
];

/** Every specifier a source imports or exports from: static, for side effects, dynamic, in types, required. */
export function importsOf(source: string): string[] {
  const code = source.replace(COMMENT_OR_STRING, (_, text: string | undefined) => text ?? " ");
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ""));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}
