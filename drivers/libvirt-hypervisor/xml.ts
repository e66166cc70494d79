// XML written as a tree: every text and attribute is escaped in one place, so no value can become markup.
import { DriverError } from '../hypervisor.ts';

/** An element; plain strings among the children are text, never markup. */
export interface XmlElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly children: readonly (XmlElement | string)[];
}

/** What may stand among the children: absent parts are skipped, lists are flattened. */
export type XmlChild = XmlElement | string | number | undefined | readonly XmlChild[];

/**
 * Makes one element; attributes and children that are `undefined` are left out.
 * Tag and attribute names are the program's own constants and are not escaped.
 */
export function xml(
  tag: string,
  attributes: Record<string, string | number | undefined> = {},
  ...children: XmlChild[]
): XmlElement {
  return { tag, attributes, children: flatten(children) };
}

/**
 * The document as text, indented by two spaces.
 * @throws DriverError `invalid` when a value holds a character XML 1.0 cannot carry
 */
export function renderXml(element: XmlElement, indent = ''): string {
  const start = `${indent}<${element.tag}${renderAttributes(element.attributes)}`;
  if (element.children.length === 0) return `${start}/>\n`;
  if (element.children.every((child) => typeof child === 'string')) {
    return `${start}>${element.children.map(escapeXml).join('')}</${element.tag}>\n`;
  }
  const inner = element.children
    .map((child) => (typeof child === 'string' ? escapeXml(child) : renderXml(child, `${indent}  `)))
    .join('');
  return `${start}>\n${inner}${indent}</${element.tag}>\n`;
}

/**
 * Escapes a value for text and for attributes alike. Line ends and tabs become references, because
 * a parser would turn them into spaces inside an attribute.
 * @throws DriverError `invalid` for control characters and lone surrogates, which XML 1.0 cannot carry
 */
export function escapeXml(value: string): string {
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(value) || !value.isWellFormed()) {
    throw new DriverError('invalid', `the value ${JSON.stringify(value)} has a character XML cannot carry`);
  }
  return value.replace(/[&<>"'\t\n\r]/g, (character) => REFERENCES[character] ?? character);
}

const REFERENCES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

function renderAttributes(attributes: XmlElement['attributes']): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');
}

function flatten(children: readonly XmlChild[]): (XmlElement | string)[] {
  return children.flatMap((child): (XmlElement | string)[] => {
    if (child === undefined) return [];
    if (typeof child === 'number') return [String(child)];
    if (isList(child)) return flatten(child);
    return [child];
  });
}

function isList(child: XmlChild): child is readonly XmlChild[] {
  return Array.isArray(child);
}
