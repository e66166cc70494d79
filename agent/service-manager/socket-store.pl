# Leaves sockets with the service manager, or takes them back from it: Node can send no descriptor in a datagram.
#
#   socket-store.pl SENDMSG PID keep NAME...      descriptor 3 under the first name, 4 under the second ...
#   socket-store.pl SENDMSG PID forget NAME...
#
# SENDMSG is the number of the system call, PID the service's main process, in whose name this speaks (sd_notify(3),
# unix(7)). Ends when the manager has read everything. Perl's base system is enough for it.
use strict;
use warnings;
use Socket qw(AF_UNIX SOCK_DGRAM SOL_SOCKET pack_sockaddr_un);

use constant { SCM_RIGHTS => 1, SCM_CREDENTIALS => 2, FIRST => 3, PATIENCE_SECONDS => 5 };

my ($sendmsg, $pid, $verb, @names) = @ARGV;
my $path = $ENV{NOTIFY_SOCKET} // die "there is no NOTIFY_SOCKET\n";
$path =~ s/^@/\0/;
socket(my $manager, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\n";
connect($manager, pack_sockaddr_un($path)) or die "connect: $!\n";

# One ancillary object: struct cmsghdr, its data, and room up to the next multiple of eight octets.
sub ancillary {
    my ($type, $data) = @_;
    return pack('Q l l a* x![8]', 16 + length $data, SOL_SOCKET, $type, $data);
}

# struct msghdr, with no address, one struct iovec and the ancillary data.
sub say_to_manager {
    my ($text, $descriptor) = @_;
    my $control = ancillary(SCM_CREDENTIALS, pack('l L L', $pid, $>, $) + 0));
    $control .= ancillary(SCM_RIGHTS, pack('l', $descriptor)) if defined $descriptor;
    my $vector = pack('P Q', $text, length $text);
    my $message = pack('Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0);
    syscall($sendmsg + 0, fileno($manager), $message, 0) == length $text or die "sendmsg: $!\n";
}

for my $index (0 .. $#names) {
    # Not watched: a datagram socket has errors now and then, and is none the worse for it.
    if ($verb eq 'keep') { say_to_manager("FDSTORE=1\nFDNAME=$names[$index]\nFDPOLL=0", FIRST + $index) }
    else { say_to_manager("FDSTOREREMOVE=1\nFDNAME=$names[$index]") }
}

# The manager closes this pipe when it has come to this message.
pipe(my $done, my $barrier) or die "pipe: $!\n";
say_to_manager('BARRIER=1', fileno $barrier);
close $barrier;
alarm PATIENCE_SECONDS;
sysread($done, my $nothing, 1);
