# Before the reboot: from the installation to an upgrade and back. Sourced by host-run.
old=$(dpkg-deb -f old.deb Version) new=$(dpkg-deb -f new.deb Version)
is 'systemd is the first process' grep -qx systemd /proc/1/comm
is 'libvirtd runs' systemctl start libvirtd
is 'the package installs' apt-get install -y ./old.deb
is 'the service is enabled and ready' until_true 60 is_up
is 'the agent says its version' version_is "$old"
is 'the configuration has no mistakes' innkeeper config check
is 'the doctor finds no fault' innkeeper doctor
echo "# $(exposure)"
is 'the exposure of the service is below 4.0' exposure_is_low
is 'a newcomer gets to a running VServer by the lines of docs/install.md' as_the_page_says
is 'and it can be destroyed' undo_the_page
is 'the service is restarted, for what this machine needs' let_the_agent_see_the_boot_id
printf '\n[[vserver_type]]\nname = "tiny"\nvcpus = 1\nmemory_mib = 96\n' >>/etc/innkeeper/innkeeper.toml
is 'a VServerType is added by a reload' eval 'systemctl reload innkeeper && until_true 20 innkeeper type list && until_true 20 eval "innkeeper type list | grep tiny"'
is 'a VServer is made and boots' create
[ "$failed" -eq 0 ] || give_up
is 'the guest was given its address and reached its end of the boot' until_true 120 eval 'guest report | grep "GUEST ready="'
is 'the guest is served' served_again
[ "$failed" -eq 0 ] || give_up
is 'the VNet is seen by the host' eval 'ip netns list | grep . && ip netns exec "$(ip netns list | head -n 1 | cut -d " " -f 1)" ip -o link | grep -q UP'
guest_domain=$(domain)

is 'kill -9 of the agent: systemd starts it again' killed_agent_returns
undisturbed 'kill -9'
is 'a hung agent is replaced by the watchdog' hung_agent_is_replaced
undisturbed 'watchdog'
is 'a reload takes over what it can and names what it cannot' reload
is 'a reload of a file with mistakes changes nothing' refused_reload
undisturbed 'reload'
is 'a backup begins' backup_begins
is 'an upgrade installs' dpkg -i new.deb
is 'the new version answers' until_true 60 version_is "$new"
is 'the old one ended by itself, although a backup was running' ended_by_itself
undisturbed 'upgrade'
is 'upgrade: not one question of the guest was refused' none_refused
is 'upgrade: the backup that was running is finished by the new version' until_true 180 backup_is done
is 'the changed configuration is kept' grep -q 'name = "added"' /etc/innkeeper/innkeeper.toml
is 'a downgrade installs' dpkg -i old.deb
is 'the old version answers' until_true 60 version_is "$old"
undisturbed 'downgrade'
is 'downgrade: not one question of the guest was refused' none_refused
is 'a call starts an agent that was stopped' called_agent_starts
undisturbed 'stop and call'
is 'the service stops' systemctl stop innkeeper.socket innkeeper.service
is 'without the agent the guest lives on' eval '[ "$(domain)" = "$guest_domain" ]'
is 'the service starts' systemctl start innkeeper
is 'its socket is there again' until_true 30 is_up
undisturbed 'stop and start'

is 'another VServer is made, that is not to come back' innkeeper vserver create rest --type tiny --image busybox --vnet lan --no-autostart
# Before that it would not notice that it is asked to shut down, and the host waits for it.
is 'its guest reaches the end of the boot' until_true 120 eval 'guest report rest | grep "GUEST ready="'
note_before_each_start
before=$(boot_id)
declare -p count failed old new before >"$FIRST_LIFE"
sync
exit "$REBOOT"
