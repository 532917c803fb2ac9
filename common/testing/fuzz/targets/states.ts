/** States as JSON, mutated: refused with BadState, or they obey the laws of merging and show a readable file. */
import { type MutatedStates, mutatedStates, obeysLaws } from '../../mutations.js';
import type { Target } from '../target.js';

export const states: Target<MutatedStates> = {
  name: 'states',
  share: 130,
  input: mutatedStates,
  open: () => ({ run: obeysLaws }),
};
