/** Elements out of text. What comes from a miner is only ever text. */

type Child = Node | string | undefined | false;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

export function place<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as T;
}

/** Changes only what differs: an unchanged text costs no layout. */
export function put(where: string | Element, text: string): void {
  const element = typeof where === 'string' ? place(where) : where;
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element: Element, className: string): void {
  if (element.className !== className) element.className = className;
}

export function button(label: string, onClick: () => unknown, className = ''): HTMLButtonElement {
  const element = make('button', className, label);
  element.type = 'button';
  element.addEventListener('click', () => void onClick());
  return element;
}

/** A person or a screen reader's user reads `label`; sighted ones see it above the field. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLLabelElement {
  return make('label', 'field', make('span', '', label), control, hint !== undefined && make('small', '', hint));
}

export function input(name: string, attributes: Readonly<Record<string, string>> = {}): HTMLInputElement {
  const element = make('input');
  element.name = name;
  element.autocomplete = 'off';
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function select(name: string, options: readonly (readonly [value: string, label: string])[]): HTMLSelectElement {
  const element = make('select');
  element.name = name;
  for (const [value, label] of options) {
    const option = make('option', '', label);
    option.value = value;
    element.append(option);
  }
  return element;
}

/** Terms and what they are; what is not known is left out. */
export function facts(rows: readonly (readonly [term: string, value: Child])[]): HTMLDListElement {
  const list = make('dl', 'facts');
  for (const [term, value] of rows)
    if (value !== undefined && value !== false && value !== '–')
      list.append(make('div', '', make('dt', '', term), make('dd', '', value)));
  return list;
}

/**
 * A table that is there to be read. On a narrow screen columns of class `wide` are left out and the rest scrolls by itself;
 * with `isStacked`, cells stand below each other there.
 */
export function table(
  caption: string,
  heads: readonly (readonly [label: string, className?: string])[],
  rows: readonly (readonly Child[])[],
  isStacked = false,
): HTMLElement {
  const body = make('tbody');
  for (const cells of rows) {
    const row = make('tr');
    cells.forEach((cell, index) => {
      const [label = '', className = ''] = heads[index] ?? [];
      const element = make('td', className, cell);
      element.dataset.label = label;
      row.append(element);
    });
    body.append(row);
  }
  const head = make('tr');
  for (const [label, className = ''] of heads) {
    const cell = make('th', className, label);
    cell.scope = 'col';
    head.append(cell);
  }
  const element = make(
    'table',
    isStacked ? 'plain stack' : 'plain',
    make('caption', 'unseen', caption),
    make('thead', '', head),
    body,
  );
  // What looks like no table any more stays one for who listens to it.
  for (const [selector, role] of ROLES)
    for (const part of element.querySelectorAll(selector)) part.setAttribute('role', role);
  element.setAttribute('role', 'table');
  const box = make('div', 'scroll', element);
  // So that it can be scrolled with the keyboard.
  box.tabIndex = 0;
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', caption);
  return box;
}

const ROLES = [
  ['thead, tbody', 'rowgroup'],
  ['tr', 'row'],
  ['th', 'columnheader'],
  ['td', 'cell'],
] as const;

/** Puts the elements in this order, and moves only those that are elsewhere. */
export function order(parent: Element, wanted: readonly Element[]): void {
  let next = parent.firstElementChild;
  for (const element of wanted) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  while (next !== null) {
    const after: Element | null = next.nextElementSibling;
    next.remove();
    next = after;
  }
}
