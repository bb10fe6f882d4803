/* What the program does beside serving. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

int sv_command_audit(int argc, char **argv); /* audit verify FILE */
int sv_command_keys(int argc, char **argv);  /* keys list|add|revoke */

#endif
