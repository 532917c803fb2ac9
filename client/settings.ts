/**
 * How the script is set up: by attributes of its own tag, `<script src="unified-balance.js" data-sidecar="/axle">`.
 *
 * | attribute | default | |
 * |---|---|---|
 * | data-api | /api | where the PHP endpoints are |
 * | data-sidecar | | where the browser reaches the sidecar; without it there are no events, and pages read now and then |
 * | data-writes | php | `sidecar`: reads and changes go there too, and PHP is not needed |
 * | data-site | the host's name | what write_balance.php is told as server_id |
 * | data-poll-ms | 10000 | how often a page reads where there are no events |
 */
export type Settings = {
  readonly api: string;
  readonly sidecar: string | undefined;
  readonly writes: 'php' | 'sidecar';
  readonly site: string;
  readonly poll_ms: number;
};

const POLL_MS_MIN = 1_000;

export function settingsOf(data: Readonly<Record<string, string | undefined>>, host: string): Settings {
  const sidecar = baseOf(data.sidecar);
  if (data.writes === 'sidecar' && sidecar === undefined)
    throw new Error('unified-balance: data-writes="sidecar" needs data-sidecar');
  const poll_ms = Number(data.pollMs ?? 10_000);
  return {
    api: baseOf(data.api) ?? '/api',
    sidecar,
    writes: data.writes === 'sidecar' ? 'sidecar' : 'php',
    site: data.site ?? host,
    poll_ms: poll_ms >= POLL_MS_MIN ? poll_ms : POLL_MS_MIN,
  };
}

function baseOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : text.replace(/\/+$/, '');
}
