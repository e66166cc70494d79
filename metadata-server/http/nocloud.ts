// cloud-init's NoCloud over HTTP: the files of a `cidata` medium, below /nocloud/.
import { networkConfigFile, noCloudMetaData } from '../../contextualization/mod.ts';
import { type Answer, bytes, type MetadataRequest, notAllowed, notFound, reads, text } from './message.ts';

export function noCloud(request: MetadataRequest): Answer {
  if (!reads(request)) return notAllowed('GET', 'HEAD');
  const { facts } = request.guest;
  switch (request.path.join('/')) {
    case '':
      return text('meta-data\nnetwork-config\nuser-data\nvendor-data');
    case 'meta-data':
      return text(noCloudMetaData(facts));
    case 'network-config':
      return text(networkConfigFile(facts));
    case 'user-data':
      return bytes(facts.userData);
    case 'vendor-data':
      return bytes(facts.vendorData);
    default:
      return notFound();
  }
}
