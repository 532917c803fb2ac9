/** What a config says that is allowed and still a bad idea. Mistakes are found before anything else is asked. */
import fs from 'node:fs';
import path from 'node:path';
import { type Config, ConfigError, loadConfig } from '../../common/runtime/config.js';
import { type Check, type Finding, fail, ok, warn } from './finding.js';

/** The config, or its mistakes. */
export function readConfig(file: string): Config | Finding[] {
  try {
    return loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) =>
      fail('AXL-CONFIG', problem, `correct it; axle check-config ${file} shows all mistakes again`),
    );
  }
}

export const checkConfig: Check = ({ file, config: { role, config } }) => {
  const findings = [ok('AXL-CONFIG', `${file}: good, for the ${role} ${config.site}`)];
  if (config.sidecar?.identity === 'off')
    findings.push(
      warn(
        'AXL-IDENTITY-OFF',
        'sidecar.identity is off: whoever asks is who they say',
        'only for a machine without users; else remove the line',
      ),
    );
  if (config.log_file !== undefined && !fs.existsSync(path.dirname(config.log_file)))
    findings.push(
      warn(
        'AXL-LOG-FOLDER',
        `${path.dirname(config.log_file)} is missing: the log goes to the journal alone unless the daemon can make it`,
        `mkdir it, for the daemon's account to write, or remove log_file`,
      ),
    );
  return findings;
};
