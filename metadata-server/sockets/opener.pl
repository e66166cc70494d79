# Opens sockets inside the namespaces of VNets and hands them to the agent: one process for all of them.
#
# Node can neither enter a namespace nor send a descriptor of its choosing; a child of Node for each VNet would cost
# more than all else that a VNet needs. Started with the numbers of the system calls setns and sendmsg. Reads lines from
# its standard input, until that ends:
#   ID NAMESPACE tcp ADDRESS PORT BACKLOG HANDLES    a listening socket, sent so many times
#   ID NAMESPACE udp4 ADDRESS PORT                   may broadcast
#   ID NAMESPACE udp6 PORT GROUP DEVICE              all addresses, and the multicast group on the device
#   ID - inherited DESCRIPTOR HANDLES                a listening socket that this program was started with
# Answers on the channel of Node's child processes, in its own form (messages.ts): "opened" with each handle, then
# "done", or "failed". Perl's base system is enough for it.
use strict;
use warnings;
use Errno;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM SOCK_DGRAM SOCK_NONBLOCK SOL_SOCKET SO_REUSEADDR SO_BROADCAST IPPROTO_IPV6
    IPV6_V6ONLY IPV6_JOIN_GROUP MSG_DONTWAIT inet_pton pack_sockaddr_in pack_sockaddr_in6);

use constant {
    CLONE_NEWNET => 0x40000000, SIOCGIFINDEX => 0x8933, SCM_RIGHTS => 1, SO_RCVBUFFORCE => 33,
    # After a power cut all guests ask at once.
    RECEIVE_BUFFER_BYTES => 1 << 20,
};

my ($setns, $sendmsg) = @ARGV;
die "the numbers of setns and sendmsg are missing\n" unless $sendmsg;
open(my $channel, '+<&=', $ENV{NODE_CHANNEL_FD} // die "not a child of Node\n") or die "no channel: $!\n";
open(my $home, '<', '/proc/self/ns/net') or die "no namespaces here: $!\n";

sub fail { die {code => (grep { $!{$_} } keys %!)[0] // 'UNKNOWN', message => "$_[0]: $!"} }

sub enter { syscall($setns, fileno($_[0]), CLONE_NEWNET) == 0 or fail('setns') }

sub option { setsockopt($_[0], $_[1], $_[2], $_[3]) or fail("socket option $_[1]/$_[2]") }

# Text for the agent, with a descriptor if one is given.
sub say_to_agent {
    my ($text, $descriptor) = @_;
    my $data = "$text\n";
    my $control = '';
    # struct cmsghdr and one descriptor, padded to eight octets.
    $control = pack('Q l l l x4', 20, SOL_SOCKET, SCM_RIGHTS, $descriptor) if defined $descriptor;
    while (length $data) {
        my $vector = pack('P Q', $data, length $data);
        my $header = length $control
            ? pack('Q L x4 P Q P Q l x4', 0, 0, $vector, 1, $control, length $control, 0)
            : pack('Q L x4 P Q Q Q l x4', 0, 0, $vector, 1, 0, 0, 0);
        my $sent = syscall($sendmsg, fileno($channel), $header, 0);
        if ($sent < 0) { next if $!{EINTR}; exit 1 }
        substr($data, 0, $sent) = '';
        $control = '';
    }
}

sub hand_over {
    my ($id, $type, $descriptor) = @_;
    my $form = $type eq 'tcp' ? '"type":"net.Server"' : qq("type":"dgram.Socket","dgramType":"$type");
    say_to_agent(qq({"cmd":"NODE_HANDLE",$form,"msg":{"type":"opened","id":$id}}), $descriptor);
}

sub open_tcp {
    my ($address, $port, $backlog) = @_;
    my $six = $address =~ /:/;
    socket(my $socket, $six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or fail('socket');
    option($socket, SOL_SOCKET, SO_REUSEADDR, 1);
    option($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) if $six;
    my $place = $six
        ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $address))
        : pack_sockaddr_in($port, inet_pton(AF_INET, $address));
    bind($socket, $place) or fail("bind $address port $port");
    listen($socket, $backlog) or fail("listen $address port $port");
    return $socket;
}

sub open_udp4 {
    my ($address, $port) = @_;
    socket(my $socket, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0) or fail('socket');
    bind($socket, pack_sockaddr_in($port, inet_pton(AF_INET, $address))) or fail("bind $address port $port");
    option($socket, SOL_SOCKET, SO_BROADCAST, 1);
    return $socket;
}

sub open_udp6 {
    my ($port, $group, $device) = @_;
    socket(my $socket, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0) or fail('socket');
    option($socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bind($socket, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::'))) or fail("bind :: port $port");
    my $request = pack('a16 x24', $device);
    ioctl($socket, SIOCGIFINDEX, $request) or fail($device);
    my $index = unpack('x16 i', $request);
    option($socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, pack('a16 I', inet_pton(AF_INET6, $group), $index));
    return $socket;
}

my %openers = (tcp => \&open_tcp, udp4 => \&open_udp4, udp6 => \&open_udp6);

sub open_socket {
    my ($namespace, $kind, @more) = @_;
    open(my $there, '<', "/run/netns/$namespace") or fail("namespace $namespace");
    enter($there);
    my $socket = eval { $openers{$kind}->(@more) };
    my $why = $@;
    enter($home);
    die $why unless $socket;
    # More than net.core.rmem_max, where this program may.
    setsockopt($socket, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES) if $kind ne 'tcp';
    return $socket;
}

sub command {
    my ($id, $namespace, $kind, @more) = split ' ', $_[0];
    my $done = eval {
        if ($kind eq 'inherited') {
            hand_over($id, 'tcp', $more[0]) for 1 .. $more[1];
        } else {
            my $socket = open_socket($namespace, $kind, @more);
            hand_over($id, $kind, fileno($socket)) for 1 .. ($kind eq 'tcp' ? $more[3] : 1);
        }
        1;
    };
    if ($done) { say_to_agent(qq({"type":"done","id":$id})); return }
    my ($code, $message) = ref $@ ? @{$@}{'code', 'message'} : ('UNKNOWN', $@);
    $message =~ s/[^ !#-\[\]-~]//g;
    say_to_agent(qq({"type":"failed","id":$id,"code":"$code","message":"$message"}));
}

my $input = '';
while (1) {
    my $readable = '';
    vec($readable, 0, 1) = 1;
    vec($readable, fileno($channel), 1) = 1;
    next if select($readable, undef, undef, undef) <= 0;
    # Node acknowledges every handle, which nobody needs. When it has gone, so does this program.
    if (vec($readable, fileno($channel), 1)) {
        recv($channel, my $said, 65536, MSG_DONTWAIT);
        last if defined $said && $said eq '' && !$!{EAGAIN};
    }
    next unless vec($readable, 0, 1);
    last unless sysread(STDIN, $input, 65536, length $input);
    command($1) while $input =~ s/^([^\n]*)\n//;
}
