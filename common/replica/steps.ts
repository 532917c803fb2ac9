/**
 * The named instants at which a crash is interesting. Production passes `noSteps`; crash tests pass a function that
 * throws at one of them and walk the whole list.
 */
export const STEPS = [
  'absorb: read',
  'absorb: synced',
  'absorb: committed',
  'materialise: locked',
  'materialise: temp written',
  'materialise: temp synced',
  'materialise: intent committed',
  'materialise: linked',
  'materialise: renamed',
  'materialise: folder synced',
  'materialise: shadow committed',
  'materialise: unlinking',
  'materialise: unlinked',
  'receive: read',
  'receive: merged',
  'receive: removed',
  'send: rendered',
  'send: spooled',
  'send: delivered',
  'join: settled',
  'change: read',
  'change: committed',
  'rights: given',
] as const;

export type StepName = (typeof STEPS)[number];
export type Steps = (step: StepName) => void;

export const noSteps: Steps = () => {};
