-- What the gateway's and the notary's roles may do in PostgreSQL. Run as the owner of the tables
-- after every `manage.py migrate` or `setup`; it can be run again. The worker has no role.
--
-- domicile_web     reads everything, adds events, changes what the console changes
-- domicile_notary  reads the record, places events in the log, ends what dead writers left,
--                  and removes details that a rule no longer lets be kept
-- domicile_records reads the record for exports, erases kept content, says how far it is with
--                  both, and adds their events
--
-- Nobody but the owner can change or remove an event, but for details where a trigger finds the
-- permit of a rule; and no role that runs can change a policy: the gateway adds versions and what
-- people sign of them, and the notary notes since when one counts.

BEGIN;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['domicile_web', 'domicile_notary', 'domicile_records'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Roles belong to the whole server: another database's first run was at work.
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, domicile_web, domicile_notary,
    domicile_records;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, domicile_web, domicile_notary,
    domicile_records;
GRANT USAGE ON SCHEMA public TO domicile_web, domicile_notary, domicile_records;

-- The record. A writer opens an epoch and renews its lease; it never touches leaves or head.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO domicile_web;
GRANT INSERT ON compliance_event TO domicile_web;
GRANT INSERT, UPDATE ON compliance_writerepoch TO domicile_web;

-- The console: whom it serves with what, which machines are switched on, who may log in.
GRANT INSERT, UPDATE ON compliance_application, compliance_apikey, auth_user TO domicile_web;
-- Witnesses: whose logs are cosigned here, who cosigns this one, and by which policy.
GRANT INSERT, UPDATE ON compliance_witnessedlog, compliance_witness TO domicile_web;
GRANT INSERT ON compliance_witnesspolicy TO domicile_web;
-- Policies: drafts are written, versions and signatures only added to, keys sealed and revoked.
GRANT INSERT ON compliance_policyversion, compliance_policysignature TO domicile_web;
GRANT INSERT, UPDATE ON compliance_policydraft, compliance_approvalkey TO domicile_web;
-- What officers type into packs: added to, never changed.
GRANT INSERT ON compliance_packanswer TO domicile_web;
-- Sites are registered and nodes approved there, once a machine has asked with its token.
GRANT INSERT, UPDATE ON compliance_site, inference_node TO domicile_web;
-- Which nodes serve which models; the events of what was placed elsewhere stay.
GRANT INSERT, UPDATE, DELETE ON inference_deployment, inference_placement TO domicile_web;
GRANT INSERT, UPDATE ON inference_nodeenrolment, inference_adaptergrant TO domicile_web;
GRANT UPDATE ON inference_model TO domicile_web;
GRANT INSERT, DELETE ON auth_user_groups TO domicile_web;
GRANT INSERT, UPDATE, DELETE ON django_session TO domicile_web;
GRANT INSERT, UPDATE, DELETE ON axes_accessattempt, axes_accessattemptexpiration TO domicile_web;
GRANT INSERT, UPDATE, DELETE ON axes_accessfailurelog, axes_accesslog TO domicile_web;
-- Who verified the log when, and with what outcome.
GRANT INSERT, UPDATE, DELETE ON compliance_verification TO domicile_web;
-- Triggers count every change of what the hot path caches.
GRANT UPDATE ON compliance_revision TO domicile_web;
-- Triggers note every change of a governed table; the event that says so takes the note away.
GRANT INSERT, DELETE ON compliance_change TO domicile_web;
-- What an officer must look into, which configuration, engine starts and machines were recorded,
-- and what the nodes' canaries said last.
GRANT INSERT, UPDATE ON compliance_alarm, compliance_configuration, inference_enginestart,
    inference_canary, inference_machine TO domicile_web;

-- Content is kept by the gateway and erased by the records' worker; both hold the vault. Sharing a
-- bucket's row takes the right to change it.
GRANT INSERT ON compliance_content, compliance_contentsubject, compliance_erasure
    TO domicile_web;
GRANT UPDATE ON compliance_contentbucket TO domicile_web;
-- Held requests are stored, decided on and used by the gateway; the records' worker ends them.
GRANT INSERT, UPDATE ON compliance_hold TO domicile_web;
GRANT SELECT, UPDATE, DELETE ON compliance_hold TO domicile_records;
GRANT UPDATE, DELETE ON compliance_content TO domicile_records;
GRANT DELETE ON compliance_contentsubject TO domicile_records;
GRANT UPDATE ON compliance_contentbucket TO domicile_records;
GRANT SELECT, INSERT, UPDATE ON compliance_erasure TO domicile_records;

GRANT SELECT ON compliance_event, compliance_leaf, compliance_loghead, compliance_notarycursor,
    compliance_writerepoch, compliance_application, django_migrations TO domicile_notary;
-- `audit verify` holds the events of keys against whose they are.
GRANT SELECT (prefix, application_id) ON compliance_apikey TO domicile_notary;
GRANT INSERT ON compliance_event, compliance_leaf, compliance_notarycursor TO domicile_notary;
-- Details go by rule: the rule is read, the permit is added, and the trigger asks for it.
GRANT SELECT ON compliance_policyversion, compliance_pruning, compliance_generation
    TO domicile_notary;
GRANT INSERT ON compliance_pruning TO domicile_notary;
-- It looks whether the policy is the one that people signed, and notes since when.
GRANT SELECT ON compliance_policysignature, compliance_revision
    TO domicile_notary, domicile_records;
GRANT SELECT (id, person_id, role, public_key, statement, signature, revoked)
    ON compliance_approvalkey TO domicile_notary, domicile_records;
GRANT SELECT (id, username) ON auth_user TO domicile_notary, domicile_records;
GRANT UPDATE (activated, retired) ON compliance_policyversion TO domicile_notary;
GRANT UPDATE ON compliance_revision TO domicile_notary;
GRANT INSERT ON compliance_change TO domicile_notary;
-- `audit resume` runs as the notary: it closes a generation of the log and opens the next.
GRANT INSERT ON compliance_generation TO domicile_notary;
GRANT INSERT ON compliance_writerepoch TO domicile_notary;
GRANT UPDATE (detail, detail_key) ON compliance_event TO domicile_notary;
-- Changes that no event speaks of become events and alarms.
GRANT SELECT, DELETE ON compliance_change TO domicile_notary;
GRANT SELECT, INSERT, UPDATE ON compliance_alarm, compliance_configuration TO domicile_notary;
-- It asks the witnesses of this log and keeps what they sign.
GRANT SELECT, UPDATE ON compliance_witness TO domicile_notary;
-- What they signed is a fact that the hot path caches, so the triggers count it.
GRANT SELECT, UPDATE ON compliance_revision TO domicile_notary;
-- `audit verify` judges by the policy who must have cosigned.
GRANT SELECT ON compliance_witnesspolicy TO domicile_notary;
GRANT SELECT, INSERT, DELETE ON compliance_cosignature TO domicile_notary;
GRANT UPDATE ON compliance_loghead, compliance_notarycursor, compliance_writerepoch
    TO domicile_notary;

-- Exports: what is asked for is a row of the gateway's; how far it is, the worker writes.
GRANT INSERT, UPDATE ON compliance_export TO domicile_web;
GRANT SELECT ON compliance_event, compliance_leaf, compliance_loghead, compliance_generation,
    compliance_pruning, compliance_application, compliance_apikey, compliance_site,
    compliance_policyversion, compliance_packanswer, compliance_writerepoch, compliance_content,
    compliance_contentbucket, compliance_contentsubject, inference_node, inference_model,
    inference_deployment, compliance_witness, compliance_cosignature, compliance_witnesspolicy,
    django_migrations TO domicile_records;
GRANT INSERT ON compliance_event TO domicile_records;
GRANT UPDATE ON compliance_writerepoch TO domicile_records;
GRANT SELECT, UPDATE ON compliance_export TO domicile_records;
-- Simulations: as exports.
GRANT INSERT, UPDATE ON compliance_simulation TO domicile_web;
GRANT SELECT, UPDATE ON compliance_simulation TO domicile_records;

COMMIT;
