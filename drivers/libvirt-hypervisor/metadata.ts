// The mark in a domain's metadata that tells an operator (and us) which VServer it is.
import { type XmlElement, xml } from './xml.ts';

/** Namespace of our element below `<metadata>`. */
export const METADATA_NAMESPACE = 'urn:innkeeper:vserver:1';

/** `<metadata>` with the VServer's id in it. */
export function vserverMetadata(vserverId: string): XmlElement {
  return xml(
    'metadata',
    {},
    xml('innkeeper:vserver', { 'xmlns:innkeeper': METADATA_NAMESPACE, id: vserverId }),
  );
}
