# Sends router advertisements in the namespaces of VNets: one process for all of them, since Node has no raw sockets.
#
# Started with the number of the setns system call. Reads lines from its standard input, until that ends:
#   add ID NAMESPACE DEVICE HEX    advertise these octets (ICMPv6, checksum zero) on the device; answers "up ID" or
#                                  "failed ID WHY"; an ID known already is replaced
#   remove ID                      stop; answers "down ID"
# What is said and to whom is decided by the agent, which made the octets; this program knows only when (RFC 4861,
# section 6.2). Perl's base system is enough for it.
use strict;
use warnings;
use Socket qw(AF_INET6 SOCK_RAW IPPROTO_ICMPV6 IPPROTO_IPV6 SOL_SOCKET IPV6_JOIN_GROUP
    IPV6_MULTICAST_HOPS IPV6_UNICAST_HOPS MSG_DONTWAIT inet_pton pack_sockaddr_in6 unpack_sockaddr_in6);

use constant {
    CLONE_NEWNET => 0x40000000, SIOCGIFINDEX => 0x8933, SO_BINDTODEVICE => 25, ICMP6_FILTER => 1,
    SOLICITATION => 133,
    INITIAL => 3, INITIAL_SECONDS => 16, LEAST_SECONDS => 200, MOST_SECONDS => 600,
    # Not more often to everyone than this (MIN_DELAY_BETWEEN_RAS), and to single guests in a second.
    MULTICAST_SECONDS => 3, UNICAST_PER_SECOND => 20,
};

my $setns = shift // die "the number of setns is missing\n";
my $all_nodes = pack_sockaddr_in6(0, inet_pton(AF_INET6, 'ff02::1'));
my $all_routers = inet_pton(AF_INET6, 'ff02::2');
my %networks;
open(my $home, '<', '/proc/self/ns/net') or die "no namespaces here: $!\n";
$| = 1;

sub enter { syscall($setns, fileno($_[0]), CLONE_NEWNET) == 0 or die "setns: $!\n" }

sub option { setsockopt($_[0], $_[1], $_[2], $_[3]) or die "socket option $_[1]/$_[2]: $!\n" }

# A socket that hears solicitations only, in the namespace.
sub open_socket {
    my ($namespace, $device) = @_;
    open(my $there, '<', "/run/netns/$namespace") or die "$namespace: $!\n";
    enter($there);
    my $socket;
    my $made = eval {
        socket($socket, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) or die "socket: $!\n";
        my $request = pack('a16 x24', $device);
        ioctl($socket, SIOCGIFINDEX, $request) or die "$device: $!\n";
        my $index = unpack('x16 i', $request);
        my @blocked = (0xffffffff) x 8;
        $blocked[SOLICITATION >> 5] &= ~(1 << (SOLICITATION & 31));
        option($socket, SOL_SOCKET, SO_BINDTODEVICE, pack('Z*', $device));
        option($socket, IPPROTO_ICMPV6, ICMP6_FILTER, pack('L8', @blocked));
        option($socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, pack('i', 255));
        option($socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, pack('i', 255));
        option($socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, pack('a16 I', $all_routers, $index));
        1;
    };
    my $why = $@;
    enter($home);
    die $why unless $made;
    return $socket;
}

sub command {
    my ($verb, $id, $namespace, $device, $hex) = split ' ', $_[0];
    delete $networks{$id};
    if ($verb eq 'remove') { print "down $id\n"; return }
    my $socket = eval { open_socket($namespace, $device) };
    if (!$socket) { my $why = $@; chomp $why; print "failed $id $why\n"; return }
    my $now = time;
    $networks{$id} = {
        socket => $socket, octets => pack('H*', $hex), sent => 0, due => $now, last => 0,
        second => $now, answers => 0,
    };
    print "up $id\n";
}

# To everyone; the next one follows sooner while the VNet is young.
sub advertise {
    my ($network) = @_;
    send($network->{socket}, $network->{octets}, 0, $all_nodes);
    $network->{last} = time;
    $network->{sent}++;
    my $pause = $network->{sent} < INITIAL ? INITIAL_SECONDS : LEAST_SECONDS + rand(MOST_SECONDS - LEAST_SECONDS);
    $network->{due} = $network->{last} + $pause;
}

# To the one who asks; to everyone where that one has no address yet, or where too many ask.
sub answer {
    my ($network) = @_;
    my $from = recv($network->{socket}, my $data, 1500, MSG_DONTWAIT);
    return if !defined $from || length $data < 8 || unpack('C', $data) != SOLICITATION;
    my (undef, $address) = unpack_sockaddr_in6($from);
    my $second = time;
    @$network{'second', 'answers'} = ($second, 0) if $network->{second} != $second;
    my $local = substr($address, 0, 8) eq "\xfe\x80\0\0\0\0\0\0";
    if ($local && $network->{answers} < UNICAST_PER_SECOND) {
        $network->{answers}++;
        send($network->{socket}, $network->{octets}, MSG_DONTWAIT, $from);
        return;
    }
    my $soonest = $network->{last} + MULTICAST_SECONDS;
    $network->{due} = $soonest if $network->{due} > $soonest;
}

my $input = '';
while (1) {
    my $now = time;
    my $next = $now + 3600;
    my $readable = '';
    vec($readable, 0, 1) = 1;
    for my $network (values %networks) {
        advertise($network) if $network->{due} <= $now;
        $next = $network->{due} if $network->{due} < $next;
        vec($readable, fileno($network->{socket}), 1) = 1;
    }
    my $pause = $next - time;
    my $count = select($readable, undef, undef, $pause > 0 ? $pause : 0);
    next if $count <= 0;
    for my $network (values %networks) {
        answer($network) if vec($readable, fileno($network->{socket}), 1);
    }
    next unless vec($readable, 0, 1);
    # The agent has gone, and this program with it.
    last unless sysread(STDIN, $input, 65536, length $input);
    command($1) while $input =~ s/^([^\n]*)\n//;
}
