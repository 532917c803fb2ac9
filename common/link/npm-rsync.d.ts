/** The part of npm `rsync` 0.6 that is used: collecting options into a list. It is never asked to run anything. */
declare module 'rsync' {
  export default class Rsync {
    flags(flags: string): this;
    set(option: string, value?: string): this;
    args(): string[];
  }
}
