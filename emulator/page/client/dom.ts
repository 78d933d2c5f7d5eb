/** Builds elements by name, attributes and children; texts are texts, never markup. */

type Attributes = Readonly<Record<string, string | number | boolean | null>>;
type Child = Node | string | null;

/** An HTML element; attributes that are null or false are left out. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  dress(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** The same for drawings. */
export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  dress(element, attributes);
  element.append(...children);
  return element;
}

/** A button that does something; its label is what it shows unless `aria-label` says more. */
export function button(
  label: string,
  attributes: Attributes,
  onPress: (event: MouseEvent) => void,
): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, label);
  element.addEventListener('click', onPress);
  return element;
}

let fieldCount = 0;

/** A form field under its label. */
export function field(label: string, control: HTMLElement): HTMLElement {
  fieldCount += 1;
  // Not around it: the label of a list would have all its choices in it.
  control.id = `field-${String(fieldCount)}`;
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control);
}

/** Sets a text only where it differs: a live region must not say the same thing again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function dress(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
}
