/** One entry of the list of hosts that may be called back. */
export interface HostRule {
  /** As a URL has it: lower case, punycode, IPv6 in brackets. */
  readonly host: string;
  /** Any name below the host, and not the host itself. */
  readonly below: boolean;
  /** Absent: the scheme's own. */
  readonly port?: number;
}

const ENTRY = /^(\*\.)?(\[[^\]]+\]|[^:[\]]+)(?::([0-9]{1,5}))?$/;
/** What would make a URL of it and is no part of a host. */
const NO_HOST = /[\s/?#@\\*%]/;

/** `api.example.com`, `*.example.com`, either with `:8443`; undefined for what is none of these. */
export function parseHostRule(entry: string): HostRule | undefined {
  const [, wildcard, name = "", digits] = ENTRY.exec(entry) ?? [];
  if (name === "" || NO_HOST.test(name)) return undefined;
  // The parser of URLs decides what the name is, so that rule and URL can be compared as text.
  const url = URL.parse(`http://${name}`);
  if (url === null || url.port !== "") return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const rule = { host: url.hostname, below: wildcard !== undefined };
  return port === undefined ? rule : { ...rule, port };
}

/** Whether a URL goes to one of the hosts. */
export function isListed(url: URL, rules: readonly HostRule[]): boolean {
  return rules.some(({ host, below, port }) => {
    if (port === undefined ? url.port !== "" : port !== portOf(url)) return false;
    return below ? url.hostname.endsWith(`.${host}`) : url.hostname === host;
  });
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
