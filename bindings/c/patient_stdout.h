/* Standard output that does not block. */
#ifndef OCIREG_COMMAND_PATIENT_STDOUT_H
#define OCIREG_COMMAND_PATIENT_STDOUT_H

/* Before anything is written. */
void stdout_be_patient(void);

#endif
