/** What stands for a container image: a program of this machine. */
export interface ImageProgram {
  /** The ENTRYPOINT. A container's `command` replaces it, its `args` are appended. */
  readonly command: readonly string[];
  /** The ENV. `$(POD_IP)` in a value is the pod's address: the processes of all pods share the machine's ports, so a program must listen on its own address. */
  readonly env?: Readonly<Record<string, string>>;
  /** The WORKDIR; the container's own directory without one. */
  readonly cwd?: string;
}

/** Image to program; an image without a tag stands for all its tags. */
export type Images = Readonly<Record<string, ImageProgram>>;

export function findImage(images: Images, image: string): ImageProgram | undefined {
  const untagged = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return images[image] ?? images[untagged];
}
