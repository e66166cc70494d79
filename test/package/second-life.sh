# After the reboot: who comes back, and what is left in the end. Sourced by host-run.
. "$FIRST_LIFE"
is 'the host was booted anew' [ "$(boot_id)" != "$before" ]
is 'the agent is ready after the boot' until_true 120 is_up
is 'the VServer that asks for it runs again, by itself' until_true 120 state_is running
is 'its rules, network and services were there before it' guarded_before_it_began
is 'the other one does not' eval '[ "$(innkeeper --json vserver show rest | jq -r .state)" = inactive ]'
is 'the events say why' eval 'innkeeper events | grep "the host was rebooted"'
is 'the guest boots and has its address' until_true 180 eval 'guest report | grep "GUEST ready="'
is 'the guest is served after the boot' served_again
is 'the doctor finds no fault after the boot' innkeeper doctor
is 'everything is destroyed' remove_all
rm -r /etc/systemd/system/innkeeper.service.d
is 'the package is removed' dpkg -r innkeeper
is 'the configuration and the inventory outlive a removal' test -e /etc/innkeeper/innkeeper.toml -a -e /var/lib/innkeeper/inventory.db
is 'the package is purged' dpkg -P innkeeper
is 'nothing is left' nothing_left
