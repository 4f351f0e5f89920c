/** A directory of this machine, and the path at which a container would see it. */
export interface Mount {
  readonly mountPath: string;
  readonly directory: string;
}

/**
 * Processes share the machine's files, so what a container is told to find below a mount path is told to be where it
 * really is: a text that begins with one, or its part behind the first `=` (`--config=/etc/app/x.json`, `--data=@/etc/app/x.json`).
 */
export function rewritten(text: string, mounts: readonly Mount[]): string {
  const option = /^(-[^=/]*=@?)(\/.*)$/s.exec(text);
  if (option !== null) return `${option[1]}${moved(option[2] ?? "", mounts)}`;
  return moved(text, mounts);
}

function moved(text: string, mounts: readonly Mount[]): string {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const path = bare(mount.mountPath);
    const matches = text === path || text.startsWith(`${path}/`);
    if (matches && (best === undefined || path.length > bare(best.mountPath).length)) best = mount;
  }
  return best === undefined ? text : `${best.directory}${text.slice(bare(best.mountPath).length)}`;
}

function bare(path: string): string {
  return path.replace(/\/+$/, "");
}
