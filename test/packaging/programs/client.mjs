// A program that starts a run, watches it, pauses it, resumes it and waits for its end. It hosts the services, too.
import { connect, serve } from 'leat';
import { findNatsServer, startNatsServer } from '@leat/nats-server';
