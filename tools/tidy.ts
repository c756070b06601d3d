// Habits that a linter does not know: banned words with their replacement, sizes, files nobody imports,
// tables touched outside their owner, left-overs.
import { dirname, join, normalize } from "node:path";
import { type Finding, readSources, report, type Source } from "./sources.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Paths (or their beginnings) where the word is at home. */
  readonly except: readonly string[];
}

// Tests, tools and benchmarks run on the real machine; in packages only the named files may touch it.
const outside = ["tools/", "tests/", "bench/", "examples/", "packages/cli/"];

const bans: readonly Ban[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)/,
    instead: "clock.now()",
    except: [...outside, "packages/kit/clock.ts"],
  },
  { pattern: /\bMath\.random\(/, instead: "random", except: [] },
  { pattern: /\bset(?:Timeout|Interval)\(/, instead: "clock.sleep", except: [...outside, "packages/kit/"] },
  {
    pattern: /\bprocess\.env\b/,
    instead: "config",
    except: [...outside, "packages/kit/process.ts", "packages/store/testing.ts"],
  },
  { pattern: /\bconsole\.\w+\(/, instead: "log", except: ["examples/"] },
  { pattern: /\brandomUUID\(/, instead: "random.uuid()", except: [...outside, "packages/kit/random.ts"] },
  { pattern: /\bMath\.floor\(Date/, instead: "clock", except: [] },
  {
    pattern: /\.(?:vm_state|task_state)\s*[!=]==?/,
    instead: "the table in states.ts",
    except: ["packages/compute/states.ts", "packages/compute/api/views/", "packages/compute/views/"],
  },
  { pattern: /\batLeast\(/, instead: "since(…) on the field or route", except: ["packages/http/"] },
  { pattern: /\.(?:only|skip)\(/, instead: "{ skip: reason }", except: [] },
];
const leftovers = new RegExp(
  `\\b(?:${["TO", "FIX", "HA", "XX"].map((a, i) => a + ["DO", "ME", "CK", "X"][i]).join("|")})\\b`,
);

const linesMax = 500;
const columnsMax = 110;

const sources = readSources();
report("tidy", [
  ...sources.flatMap(banned),
  ...sources.flatMap(sizes),
  ...sources.flatMap(headless),
  ...orphans(sources),
  ...strangers(sources),
]);

function banned(source: Source): Finding[] {
  const isTest = source.path.endsWith(".test.ts");
  return source.lines.flatMap((text, at) => {
    const code = text.replace(/\/\/.*$/, "");
    const found = bans
      .filter(
        ({ pattern, except }) => pattern.test(code) && !except.some((path) => source.path.startsWith(path)),
      )
      .filter(() => !isTest && source.path !== "tools/tidy.ts")
      .map(({ pattern, instead }) => `${pattern.exec(code)?.[0]} is banned here: use ${instead}.`);
    if (leftovers.test(text)) found.push("A left-over: finish it or file it.");
    return found.map((finding) => ({ path: source.path, line: at + 1, text: finding }));
  });
}

function sizes({ path, lines }: Source): Finding[] {
  const long = lines.flatMap((text, at) =>
    text.length > columnsMax && !/https?:|`|"/.test(text)
      ? [{ path, line: at + 1, text: `The line has ${text.length} columns, ${columnsMax} at most.` }]
      : [],
  );
  if (lines.length <= linesMax + 1) return long;
  return [...long, { path, line: 1, text: `The file has ${lines.length} lines, ${linesMax} at most.` }];
}

function headless({ path, lines }: Source): Finding[] {
  const head = lines[0] ?? "";
  const isSaid = head.startsWith("//") || head.startsWith("/*") || head.startsWith("#!");
  return isSaid || path.endsWith(".test.ts")
    ? []
    : [{ path, line: 1, text: "The file does not say what it is for." }];
}

/** Package files that no other file imports; doors, tests and programs are reached from outside. */
function orphans(all: readonly Source[]): Finding[] {
  const imported = new Set(
    all.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => normalize(join(dirname(path), from))),
    ),
  );
  const isReached = (path: string) =>
    !path.startsWith("packages/") ||
    imported.has(path) ||
    /(?:\.test|\/index|\/plain|\/host|\/testing|\/main)\.ts$/.test(path);
  return all
    .filter(({ path }) => !isReached(path))
    .map(({ path }) => ({ path, line: 1, text: "Nobody imports it." }));
}

/** Queries of a table outside the package that augments `Tables` with it. */
function strangers(all: readonly Source[]): Finding[] {
  const packageOf = (path: string) => (path.startsWith("packages/") ? path.split("/")[1]! : null);
  const owners = new Map<string, string>();
  for (const { path, text } of all) {
    const body =
      /interface Tables \{([^}]*)\}/.exec(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""))?.[1] ?? "";
    for (const [, table] of body.matchAll(/(\w+):/g)) owners.set(table!, packageOf(path) ?? "");
  }
  const query = /\.(?:selectFrom|updateTable|insertInto|deleteFrom|innerJoin|leftJoin)\(\s*"(\w+)/g;
  return all.flatMap((source) => {
    const own = packageOf(source.path);
    if (own === null || source.path.endsWith(".test.ts")) return [];
    return [...source.text.matchAll(query)]
      .filter(([, table]) => owners.has(table!) && owners.get(table!) !== own)
      .map((match) => ({
        path: source.path,
        line: source.text.slice(0, match.index).split("\n").length,
        text: `Table ${match[1]} belongs to ${owners.get(match[1]!)}: call its functions.`,
      }));
  });
}
