/** The npm package has no types of its own. Only what service-notify.ts uses. */
declare module 'systemd-notify' {
  /** Runs the `systemd-notify` program; rejects where it is missing or refuses. */
  function notify(options: { ready?: boolean; pid?: number; status?: string }): Promise<unknown>;
  export = notify;
}
