/** Questions to the person, and short words about how it went. */
import { button, make, place } from './dom.js';

/** Resolves with what was filled in, or undefined where it was left. One at a time. */
export function ask(
  title: string,
  content: readonly (Node | string)[],
  verb: string,
  isDangerous = false,
): Promise<FormData | undefined> {
  return new Promise((resolve) => {
    const dialog = make('dialog');
    const heading = make('h2', '', title);
    heading.id = 'dialog-title';
    dialog.setAttribute('aria-labelledby', heading.id);
    const submit = make('button', isDangerous ? 'danger' : 'primary', verb);
    submit.type = 'submit';
    const form = make(
      'form',
      '',
      heading,
      ...content.map((part) => (typeof part === 'string' ? make('p', '', part) : part)),
      make(
        'div',
        'row end',
        button('Cancel', () => dialog.close()),
        submit,
      ),
    );
    let answer: FormData | undefined;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      answer = new FormData(form);
      dialog.close();
    });
    dialog.append(form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector<HTMLElement>('input, select, textarea');
    (first ?? (isDangerous ? dialog.querySelector('button') : submit))?.focus();
  });
}

/** Whether the person means it. */
export async function confirmed(title: string, consequence: string, verb: string): Promise<boolean> {
  return (await ask(title, [consequence], verb, true)) !== undefined;
}

/** A filled-in text, or undefined where it is empty. */
export function textOf(form: FormData, name: string): string | undefined {
  const value = form.get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

const SHOWN_MS = 6_000;

export function tell(text: string, kind: 'ok' | 'bad' = 'ok'): void {
  const note = make('p', `note ${kind}`, text);
  // What went wrong stays until it is read.
  if (kind === 'bad') note.append(button('Close', () => note.remove(), 'quiet'));
  else setTimeout(() => note.remove(), SHOWN_MS);
  place('notes').append(note);
  while (place('notes').childElementCount > 4) place('notes').firstElementChild?.remove();
}

/** Does it, and says in words where it fails. Undefined then. */
export async function attempt<T>(work: () => Promise<T>, done?: string): Promise<T | undefined> {
  try {
    const result = await work();
    if (done !== undefined) tell(done);
    return result;
  } catch (error) {
    tell((error as Error).message, 'bad');
    return undefined;
  }
}
